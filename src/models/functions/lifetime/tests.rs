use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::super::tests::ask;
use super::*;

mod grid;

/// Within `share` of what is expected.
#[track_caller]
fn close(found: f64, expected: f64, share: f64) {
    assert!((found - expected).abs() <= share * expected.abs(), "{found} instead of {expected}");
}

/// The parameters that Fader and Hardie publish for their sample of CDNOW.
const CDNOW: BgNbd = BgNbd { r: 0.243, alpha: 4.414, a: 0.793, b: 2.426 };

/// Purchases, days to the last, days of age, how many such customers.
const BUYERS: [(u32, usize, usize, u32); 20] = [
    (0, 0, 70, 60),
    (0, 0, 140, 75),
    (0, 0, 280, 150),
    (1, 14, 70, 9),
    (1, 20, 140, 14),
    (1, 35, 280, 30),
    (1, 210, 280, 6),
    (2, 40, 280, 22),
    (2, 49, 70, 7),
    (2, 133, 140, 8),
    (2, 252, 280, 9),
    (3, 68, 70, 6),
    (3, 120, 140, 5),
    (4, 60, 280, 9),
    (4, 270, 280, 6),
    (5, 100, 280, 7),
    (7, 277, 280, 4),
    (9, 150, 280, 3),
    (12, 275, 280, 3),
    (20, 278, 280, 2),
];

/// Purchases and spend.
const SPENDERS: [(u32, f64); 14] = [
    (1, 12.0),
    (1, 23.5),
    (1, 40.0),
    (1, 80.25),
    (2, 31.0),
    (2, 55.5),
    (2, 160.0),
    (3, 99.0),
    (3, 240.75),
    (4, 66.0),
    (5, 400.0),
    (6, 180.4),
    (8, 310.0),
    (12, 255.0),
];

fn buyers() -> Vec<Buying> {
    let row = |(purchases, recency_days, age_days, customers): (u32, usize, usize, u32)| Buying {
        purchases: purchases.into(),
        recency_days,
        age_days,
        customers: customers.into(),
    };
    BUYERS.into_iter().map(row).collect()
}

fn spenders() -> Vec<Spending> {
    SPENDERS.into_iter().map(|(purchases, spend)| Spending { purchases: purchases.into(), spend }).collect()
}

/// Expected figures: `SciPy`, `gammaln` of the published likelihoods, Nelder and Mead's search from three starts,
/// errors from a numeric Hessian in the parameters themselves.
#[test]
fn fits_equal_those_of_an_independent_implementation() {
    let fit = bg_nbd::fit(&buyers()).unwrap();
    assert!(fit.dropout && fit.maximum.converged);
    close(fit.maximum.log_likelihood, -1_534.925_998_943_184_6, 1e-12);
    for (found, expected) in fit.maximum.values.iter().zip([0.189_588_73, 2.807_746_9, 1.525_292_99, 3.972_643_32]) {
        close(*found, expected, 2e-6);
    }
    let errors = fit.maximum.errors.unwrap();
    for (found, expected) in errors.iter().zip([0.022_233_45, 0.531_996_16, 0.724_757_27, 2.339_662_11]) {
        close(*found, expected, 2e-4);
    }

    let fit = gamma_gamma::fit(&spenders()).unwrap();
    assert!(fit.converged);
    close(fit.log_likelihood, -62.573_783_251_532_12, 1e-10);
    for (found, expected) in fit.values.iter().zip([4.765_390_7, 3.940_674, 25.985_762_82]) {
        close(*found, expected, 1e-4);
    }
    for (found, expected) in fit.errors.unwrap().iter().zip([7.908_989_38, 2.657_266_5, 60.560_666_11]) {
        close(*found, expected, 1e-2);
    }
}

/// Fader and Hardie expect 1.226 purchases in 39 weeks of a customer who bought twice, last after 30.43 of 38.86 weeks.
/// The other figures: mpmath, the published formula with ₂F₁ to 30 digits, discounted by quadrature of its derivative.
#[test]
fn expected_purchases_are_the_published_ones() {
    let ahead = |model: BgNbd, x: f64, recency: f64, age: f64, weeks: f64| model.purchases(x, recency, age, weeks, 0.0);
    close(ahead(CDNOW, 2.0, 30.43 * 7.0, 38.86 * 7.0, 39.0), 1.226_028_174_77, 1e-11);
    for (x, recency, age, plain, discounted, alive) in [
        (2.0, 213.0, 272.0, 1.558_828_971_81, 1.492_056_277_01, 0.726_589_721_835),
        (0.0, 0.0, 272.0, 0.252_087_656_872, 0.241_000_016_295, 1.0),
        (0.0, 0.0, 0.0, 1.446_050_595_4, 1.390_912_590_87, 1.0),
        (12.0, 275.0, 280.0, 9.930_937_328_02, 9.514_960_771_48, 0.932_806_879_984),
        (1.0, 7.0, 1000.0, 0.019_666_999_160_1, 0.018_781_066_149_9, 0.047_979_618_893_3),
    ] {
        close(ahead(CDNOW, x, recency, age, 52.0), plain, 1e-10);
        close(CDNOW.purchases(x, recency, age, 52.0, 0.1), discounted, 1e-6);
        close(CDNOW.alive(x, recency, age), alive, 1e-11);
    }
    // Where the published formula divides by zero, and without dropout (r + x) / (alpha + T) a week.
    let near_one = BgNbd { r: 0.5, alpha: 10.0, a: 1.000_000_1, b: 0.3 };
    close(ahead(near_one, 0.0, 0.0, 35.0, 52.0), 0.674_400_939_642, 1e-7);
    close(ahead(BgNbd { a: 1.0, ..near_one }, 0.0, 0.0, 35.0, 52.0), 0.674_400_939_642, 1e-6);
    close(ahead(BgNbd { a: 2.5, b: 50.0, ..near_one }, 3.0, 70.0, 140.0, 52.0), 4.315_747_301_97, 1e-10);
    close(ahead(BgNbd { a: 0.0, b: 1.0, ..near_one }, 3.0, 70.0, 140.0, 52.0), 3.5 / 30.0 * 52.0, 1e-12);
}

#[test]
fn expected_purchases_hold_for_any_chance_of_leaving() {
    for ([r, alpha, a, b], [x, recency, age], purchases, alive) in grid::PURCHASES {
        let model = BgNbd { r, alpha, a, b };
        close(model.alive(x, recency, age), alive, 1e-12);
        close(model.purchases(x, recency, age, 52.0, 0.0), purchases, 1e-11);
    }
    // Where both ends of the scale meet: nobody leaves, whatever b says; everybody leaves after one purchase.
    for b in [1e-300, 1.0, 1e300] {
        close(BgNbd { a: 0.0, b, ..CDNOW }.purchases(3.0, 280.0, 420.0, 52.0, 0.0), 3.243 / 64.414 * 52.0, 1e-12);
    }
    let once = BgNbd { a: 1e12, b: 1e-3, ..CDNOW };
    let buys = 1.0 - libm::pow(64.414 / 116.414, 0.243);
    close(once.purchases(0.0, 0.0, 420.0, 52.0, 0.0), buys, 1e-12);
    // A heavy buyer of many years, whose chance to buy nothing is below the smallest number.
    let heavy = BgNbd { a: 1e-9, b: 1.0, ..CDNOW }.purchases(5000.0, 700.0, 700.0, 52.0, 0.0);
    close(heavy, 5000.243 / 104.414 * 52.0, 1e-8);
    // Discounted, the same figures come a little lower, and never as NaN.
    let discounted = BgNbd { r: 0.243, alpha: 4.414, a: 3.3e10, b: 6.1e12 }.purchases(3.0, 280.0, 420.0, 52.0, 0.1);
    assert!((2.40..2.52).contains(&discounted), "{discounted}");
}

#[test]
fn slopes_are_the_derivatives_of_the_likelihood() {
    // A maximum whose slope is wrong is found nowhere near the independent one, but a slope in one parameter alone
    // might be forgiven; so each is held against the difference quotient, away from the maximum.
    let at = [0.7, 3.0, 1.3, 2.2];
    let rows = buyers();
    let (_, slope) = bg_nbd::slope_at(&rows, &at);
    for (parameter, slope) in slope.iter().enumerate() {
        let moved = |step: f64| {
            let mut moved = at;
            moved[parameter] *= libm::exp(step);
            bg_nbd::slope_at(&rows, &moved).0
        };
        close((moved(1e-5) - moved(-1e-5)) / 2e-5, *slope, 1e-6);
    }
}

/// Uniform, gamma (Marsaglia and Tsang) and exponential draws from a fixed seed.
struct Dice(ChaCha8Rng);

impl Dice {
    fn unit(&mut self) -> f64 {
        f64::from(self.0.next_u32()) / (f64::from(u32::MAX) + 1.0) + 1e-12
    }

    fn normal(&mut self) -> f64 {
        libm::sqrt(-2.0 * libm::log(self.unit())) * libm::cos(std::f64::consts::TAU * self.unit())
    }

    fn gamma(&mut self, shape: f64) -> f64 {
        if shape < 1.0 {
            let boost = libm::pow(self.unit(), 1.0 / shape);
            return self.gamma(shape + 1.0) * boost;
        }
        let d = shape - 1.0 / 3.0;
        loop {
            let normal = self.normal();
            let cube = libm::pow(1.0 + normal / libm::sqrt(9.0 * d), 3.0);
            if cube > 0.0 && libm::log(self.unit()) < 0.5 * normal * normal + d - d * cube + d * libm::log(cube) {
                return d * cube;
            }
        }
    }

    /// A customer of the BG/NBD model: purchase times within `weeks` of the first.
    fn customer(&mut self, model: &BgNbd, weeks: f64) -> Vec<f64> {
        let rate = self.gamma(model.r) / model.alpha;
        let (leave, stay) = (self.gamma(model.a), self.gamma(model.b));
        let chance = leave / (leave + stay);
        let (mut times, mut now) = (Vec::new(), 0.0);
        loop {
            now -= libm::log(self.unit()) / rate;
            if now > weeks {
                return times;
            }
            times.push(now);
            if self.unit() < chance {
                return times;
            }
        }
    }
}

/// The parameters that drew six thousand customers come out of them, each within three standard errors.
#[test]
fn known_parameters_are_recovered() {
    let (truth, money) = (BgNbd { r: 0.8, alpha: 6.0, a: 0.9, b: 2.5 }, (6.0, 4.0, 20.0));
    let mut dice = Dice(ChaCha8Rng::seed_from_u64(20_261_122));
    let (mut buyers, mut spenders) = (Vec::new(), Vec::new());
    for customer in 0..6_000_usize {
        let age_days = 150 + customer % 570;
        let times = dice.customer(&truth, weeks(age_days));
        let purchases = f64::from(u32::try_from(times.len()).unwrap());
        // The model's time is continuous, ours is in days: rounded up, so that a purchase is never before the first.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "days of two years")]
        let recency_days = (times.last().copied().unwrap_or(0.0) * 7.0).ceil() as usize;
        buyers.push(Buying { purchases, recency_days: recency_days.min(age_days), age_days, customers: 1.0 });
        if purchases > 0.0 {
            let scale = dice.gamma(money.1) / money.2;
            let spend = (0..times.len()).map(|_| dice.gamma(money.0) / scale).sum();
            spenders.push(Spending { purchases, spend });
        }
    }
    buyers.sort_by(|a, b| a.purchases.total_cmp(&b.purchases));
    spenders.sort_by(|a, b| a.purchases.total_cmp(&b.purchases));
    let fit = bg_nbd::fit(&buyers).unwrap();
    assert!(fit.dropout);
    recovered(&fit.maximum, &[truth.r, truth.alpha, truth.a, truth.b]);
    recovered(&gamma_gamma::fit(&spenders).unwrap(), &[money.0, money.1, money.2]);
}

#[track_caller]
fn recovered(fit: &Maximum, truth: &[f64]) {
    assert!(fit.converged);
    for ((value, error), truth) in fit.values.iter().zip(fit.errors.as_ref().unwrap()).zip(truth) {
        assert!((value - truth).abs() < 3.0 * error, "{value} ± {error} instead of {truth}");
        assert!(*error < 0.2 * truth, "{error} is a useless error of {truth}");
    }
}

#[expect(clippy::cast_precision_loss, reason = "days of two years")]
fn weeks(days: usize) -> f64 {
    days as f64 / 7.0
}

/// Steady buyers who all bought in the last days: the likelihood is largest where nobody leaves.
#[test]
fn who_is_not_seen_to_leave_has_no_dropout() {
    let steady = |purchases: u32| Buying {
        purchases: purchases.into(),
        recency_days: 273,
        age_days: 280,
        customers: f64::from(40 - 3 * purchases),
    };
    let fit = bg_nbd::fit(&(1..10).map(steady).collect::<Vec<_>>()).unwrap();
    assert!(!fit.dropout && fit.maximum.converged);
    assert_eq!(fit.maximum.values.len(), 2);
    assert!(bg_nbd::fit(&[Buying { purchases: 0.0, recency_days: 0, age_days: 10, customers: 9.0 }]).is_none());
}

/// Where b is so large that ln Γ has no digits left for its differences, the likelihood is still that of no dropout.
#[test]
fn a_large_b_adds_no_noise() {
    let rows = buyers();
    let (without, _) = bg_nbd::slope_at(&rows, &[0.7, 3.0, 1e-12, 1.0]);
    let (large, slope) = bg_nbd::slope_at(&rows, &[0.7, 3.0, 1e-3, 1e12]);
    close(large, without, 1e-9);
    assert!(slope[2].abs() < 1e-6 && slope[3].abs() < 1e-6, "{slope:?}");
}

fn rows(order: &str) -> String {
    let values = BUYERS.map(|(x, recency, age, customers)| format!("({x}, {recency}, {age}, {customers})"));
    format!("(select * from (values {}) t(x, recency, age, customers) order by {order})", values.join(", "))
}

#[tokio::test]
async fn sql_gives_parameters_as_rows_whatever_the_order() {
    let fit = |order: &str| {
        format!(
            "select fit['parameter'], fit['value'], fit['standard_error'], fit['customers'], fit['log_likelihood'], \
             fit['converged'], fit['status'] from (select unnest(bg_nbd_fit(sorted_rows(x, recency, age, customers))) \
             as fit from {})",
            rows(order)
        )
    };
    let found = ask(&fit("x, recency, age")).await;
    assert_eq!(found.len(), 4);
    assert!(found[0].starts_with("r 0.189589 0.0222") && found[0].ends_with(" 435 -1534.92599894 true "), "{found:?}");
    assert_eq!(found, ask(&fit("age desc, recency desc, customers")).await);
    // Rows that are alike may come together or apart.
    let apart = format!(
        "(select x, recency, age, 1 as customers from {}, generate_series(1, 150) s(i) where i <= customers)",
        rows("x")
    );
    let sql = fit("x").replace(&rows("x"), &apart);
    assert_eq!(found, ask(&sql).await);

    let none = "select unnest(bg_nbd_fit(sorted_rows(x, x, x, x))) from (values (1)) t(x) where x > 1";
    assert!(ask(none).await.is_empty());
    let values = SPENDERS.map(|(x, spend)| format!("({x}, {spend:.2})")).join(", ");
    let sql = format!(
        "select fit['parameter'], round(fit['value'], 2), fit['customers'], fit['converged'] from (select \
         unnest(gamma_gamma_fit(sorted_rows(x, cast(spend as decimal(18, 4))))) as fit from (values {values}) t(x, spend))"
    );
    assert_eq!(ask(&sql).await, ["p 4.77 14 true", "q 3.94 14 true", "v 25.99 14 true"]);
    let sql = "select bg_nbd_alive(0.243, 4.414, 0.793, 2.426, 2, 213, 272), bg_nbd_alive(null, 1, 1, 1, 1, 1, 1), \
               round(bg_nbd_purchases(0.243, 4.414, 0.793, 2.426, 2, 213, 272, 52, 0.1), 6)";
    assert_eq!(ask(sql).await, ["0.7265897218  1.492056"]);
}
