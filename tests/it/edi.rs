//! One interchange for two feeds, and later ones that say some of it again: cells are replaced, shops are added.

use crate::support::company::{REFERENCES, date};
use crate::support::world::World;

const MAPPING: &str = "name = \"Retailer\"\n\
    [feeds.sales]\npath = \"shop/edi/*\"\nformat = \"x12\"\n\
    [feeds.sales.columns]\npartner_id = { column = \"place\", map = { \"0001\" = \"p01\", \"0002\" = \"p02\" }, strict = true }\n\
    channel_id = { constant = \"ch_dist\" }\nsku = \"article\"\n\
    [feeds.inventory]\npath = \"shop/edi/*\"\nformat = \"x12\"\n\
    [feeds.inventory.columns]\npartner_id = { column = \"place\", map = { \"0001\" = \"p01\", \"0002\" = \"p02\" }, strict = true }\n\
    sku = \"article\"\n";

/// An 852 of one day: what each shop sold and holds of the tea pot.
fn report(control: &str, shops: &[(&str, u32, u32)]) -> String {
    let pairs = |of: fn(&(&str, u32, u32)) -> u32| {
        shops.iter().map(|shop| format!("*{}*{}", shop.0, of(shop))).collect::<String>()
    };
    let (sold, held) = (pairs(|shop| shop.1), pairs(|shop| shop.2));
    format!(
        "ISA*00*          *00*          *ZZ*SHOP           *ZZ*BRAND          *261104*0130*U*00401*{control}*0*P*>~\n\
         GS*PD*SHOP*BRAND*20261104*0130*1*X*004010~\nST*852*0001~\nXQ*H*20261103~\nLIN**VN*A-100~\nCTP**RTL*190~\n\
         ZA*QS~\nSDQ*EA*92{sold}~\nZA*QA~\nSDQ*EA*92{held}~\nCTT*1~\nSE*10*0001~\nGE*1*1~\nIEA*1*{control}~\n"
    )
}

#[test]
fn one_interchange_feeds_two_feeds_and_a_later_one_replaces_cells() {
    let world = World::small();
    for (key, text) in REFERENCES {
        world.deliver(key, text, date("2026-08-31"));
    }
    world.write("jobs/senders/shop.toml", MAPPING);
    let units = |partner: &str| -> Vec<String> {
        let mart = world.mart("sales_daily");
        let at = mart.column("units");
        let rows = mart.find(&[("partner_id", partner), ("business_date", "2026-11-03")]);
        rows.into_iter().map(|row| row[at].clone()).collect()
    };
    world.deliver("shop/edi/in1.edi", report("000000001", &[("0001", 5, 50)]), date("2026-11-04"));
    world.night("2026-11-04").published();
    assert_eq!((units("p01"), units("p02")), (vec!["5".to_string()], vec![]));
    let files = world.mart("files");
    for feed in ["sales", "inventory"] {
        let rows = files.find(&[("sender", "shop"), ("feed", feed), ("status", "active"), ("rows_clean", "1")]);
        assert_eq!(rows.len(), 1, "{feed}: {files:?}");
    }
    // a shop that had not been polled is added, whatever else is said of the day
    world.deliver("shop/edi/in2.edi", report("000000002", &[("0002", 7, 70)]), date("2026-11-05"));
    world.night("2026-11-05").published();
    assert_eq!((units("p01"), units("p02")), (vec!["5".to_string()], vec!["7".to_string()]));
    // a cell that is said again is replaced, and no other; the same again changes nothing
    world.deliver("shop/edi/in3.edi", report("000000003", &[("0001", 6, 50)]), date("2026-11-06"));
    world.night("2026-11-06").published();
    assert_eq!((units("p01"), units("p02")), (vec!["6".to_string()], vec!["7".to_string()]));
    world.deliver("shop/edi/in4.edi", report("000000003", &[("0001", 6, 50)]), date("2026-11-07"));
    world.night("2026-11-07").published();
    assert_eq!((units("p01"), units("p02")), (vec!["6".to_string()], vec!["7".to_string()]));
    // the small company's models have faults of their own; that two feeds share a path is none
    let check = world.tributary(&["check"], &[]);
    assert!(!check.stderr.contains("takes files that"), "{check}");
}
