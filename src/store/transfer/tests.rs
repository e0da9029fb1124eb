//! Downloads that break off, and files that change meanwhile.

use super::*;
use crate::store::testing::{Fault, Faults, Side};

fn folder() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::folder(dir.path(), true).unwrap();
    (dir, store)
}

#[tokio::test]
async fn a_download_is_one_request_and_goes_on_where_it_broke_off() {
    let data: Vec<u8> = (0..1_000_u32).map(|i| u8::try_from(i % 251).unwrap()).collect();
    let inner = Store::memory();
    inner.put("in/渠道.csv", data.clone()).await.unwrap();
    inner.put("in/empty.csv", "").await.unwrap();
    let temp = tempfile::tempdir().unwrap();
    let to = temp.path().join("spool");
    let limits = Download { stall: Duration::from_millis(50), ..Download::default() };
    let plans = [
        (vec![], 1),
        (vec![Fault::ErrorBefore, Fault::ErrorAfter], 3),
        (vec![Fault::HangBefore, Fault::Truncate], 3),
        // Each brings something, so that patience begins anew: 500, 750, 875, 937, 968 bytes.
        (vec![Fault::Truncate; 5], 6),
    ];
    for (plan, requests) in plans {
        let faults = (1..).zip(&plan).fold(Faults::new(), |faults, (n, fault)| faults.at(Side::Read, n, *fault));
        let store = inner.wrapped(|object| faults.around(object));
        let fetched = store.download_to("in/渠道.csv", &to, &limits).await.unwrap();
        assert_eq!((fetched.bytes, fetched.sha256), (1_000, sha256_hex(&data)), "{plan:?}");
        assert_eq!(std::fs::read(&to).unwrap(), data, "{plan:?}");
        assert_eq!(faults.count(Side::Read), requests, "{plan:?}");
    }
    let fetched = inner.download_to("in/empty.csv", &to, &limits).await.unwrap();
    assert_eq!((fetched.bytes, std::fs::read(&to).unwrap().len()), (0, 0));
    let faults = (1..=3).fold(Faults::new(), |faults, n| faults.at(Side::Read, n, Fault::ErrorBefore));
    let store = inner.wrapped(|object| faults.around(object));
    assert_eq!(store.download_to("in/渠道.csv", &to, &limits).await.unwrap_err().kind(), Kind::Retry);

    let error =
        inner.download_to("in/渠道.csv", &to, &Download { bytes_max: 999, ..limits.clone() }).await.unwrap_err();
    assert!(error.to_string().contains("holds 1000 bytes; the limit is 999"), "{error}");
    let stale = Download { etag: Some("old".into()), ..limits };
    assert!(inner.download_to("in/渠道.csv", &to, &stale).await.unwrap_err().to_string().contains("changed"));
}

/// A listing of Azure has etags without quotes, headers have them in quotes, and a condition must have them.
#[tokio::test]
async fn a_file_on_azure_is_the_one_that_was_listed() {
    let inner = Store::memory();
    inner.put("in/a.csv", "a,b\n1,2\n").await.unwrap();
    let azure = Faults::new().etags_of_azure();
    let breaks = Faults::new().at(Side::Read, 2, Fault::Truncate);
    let store = inner.wrapped(|object| breaks.around(azure.around(object)));
    let listed = store.list("in").await.unwrap().remove(0);
    assert_eq!(store.head("in/a.csv").await.unwrap(), listed, "listing and head agree");
    // The second request asks for the rest of the same content.
    let limits = Download { etag: listed.etag.clone(), ..Download::default() };
    let (bytes, fetched) = store.download("in/a.csv", &limits).await.unwrap();
    assert_eq!((bytes.as_ref(), fetched.etag), (b"a,b\n1,2\n".as_slice(), listed.etag));
    inner.put("in/a.csv", "a,b\n1,3\n").await.unwrap();
    assert!(store.download("in/a.csv", &limits).await.unwrap_err().to_string().contains("changed"));
}

#[tokio::test]
async fn a_file_that_grows_while_it_is_fetched_is_not_taken() {
    let (dir, store) = folder();
    let path = dir.path().join("a.csv");
    std::fs::write(&path, vec![b'x'; 300]).unwrap();
    // Half of it comes; asked for the rest, nobody answers; meanwhile the sender appends.
    let faults = Faults::new().at(Side::Read, 1, Fault::Truncate).at(Side::Read, 2, Fault::HangBefore);
    let growing = store.wrapped(|inner| faults.around(inner));
    let spool = dir.path().join("spool");
    let limits = Download { stall: Duration::from_millis(300), ..Download::default() };
    let append = async {
        while faults.count(Side::Read) < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let mut file = std::fs::OpenOptions::new().append(true).open(&path).unwrap();
        std::io::Write::write_all(&mut file, b"more").unwrap();
    };
    let (fetched, ()) = tokio::join!(growing.download_to("a.csv", &spool, &limits), append);
    let error = fetched.unwrap_err();
    assert!(error.to_string().contains("changed while it was fetched"), "{error}");
}

/// A folder gives a small file in one go, another store as it comes: both say the same.
#[tokio::test]
async fn small_files_come_alike_from_any_store() {
    let (dir, store) = folder();
    let other = store.wrapped(|inner| inner);
    for place in [&store, &other] {
        std::fs::write(dir.path().join("a.csv"), b"a,b\n1,2\n").unwrap();
        let listed = place.list("").await.unwrap().remove(0);
        let limits = Download { etag: listed.etag.clone(), ..Download::default() };
        let (bytes, fetched) = place.download("a.csv", &limits).await.unwrap();
        assert_eq!(bytes.as_ref(), b"a,b\n1,2\n");
        assert_eq!((fetched.bytes, fetched.sha256), (8, sha256_hex(b"a,b\n1,2\n")));
        assert_eq!((fetched.etag, fetched.last_modified), (listed.etag, listed.last_modified));

        let error = place.download("a.csv", &Download { bytes_max: 7, ..limits.clone() }).await.unwrap_err();
        assert!(error.to_string().contains("holds 8 bytes; the limit is 7"), "{error}");
        std::fs::write(dir.path().join("a.csv"), b"a,b\n1,2\n3,4\n").unwrap();
        let error = place.download("a.csv", &limits).await.unwrap_err();
        assert!(error.to_string().contains("changed while it was fetched"), "{error}");
        assert_eq!(error.kind(), Kind::Input);
        std::fs::remove_file(dir.path().join("a.csv")).unwrap();
        let error = place.download("a.csv", &limits).await.unwrap_err();
        assert!(error.to_string().contains("there is no such object"), "{error}");
        assert_eq!(error.kind(), Kind::Input);
    }
    assert_eq!(store.download("../a.csv", &Download::default()).await.unwrap_err().kind(), Kind::Input);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("/etc/hostname", dir.path().join("out.csv")).unwrap();
        let error = store.download("out.csv", &Download::default()).await.unwrap_err();
        assert!(error.to_string().contains("leads out of the folder"), "{error}");
    }
}
