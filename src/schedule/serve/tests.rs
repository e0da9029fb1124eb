use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use chrono::TimeZone as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

use super::*;

type Script = Box<dyn Fn(&JobDate, usize) -> Result<u8> + Send + Sync>;

/// A host whose runs follow a script; what a run settles is no longer due.
struct Stage {
    due: Mutex<Vec<JobDate>>,
    ran: Mutex<Vec<String>>,
    running: AtomicUsize,
    most: AtomicUsize,
    idle: AtomicUsize,
    script: Script,
    takes: Duration,
    quiet: Notify,
    changed: AtomicBool,
    pace: Mutex<Pace>,
}

impl Stage {
    fn new(dates: &[u32], script: impl Fn(&JobDate, usize) -> Result<u8> + Send + Sync + 'static) -> Arc<Self> {
        Self::slow(dates, Duration::ZERO, script)
    }

    fn slow(
        dates: &[u32],
        takes: Duration,
        script: impl Fn(&JobDate, usize) -> Result<u8> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            due: Mutex::new(dates.iter().map(|n| work(*n)).collect()),
            ran: Mutex::default(),
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            script: Box::new(script),
            takes,
            quiet: Notify::new(),
            changed: AtomicBool::new(false),
            pace: Mutex::new(options(Ping::default())),
        })
    }

    fn ran(&self) -> Vec<String> {
        self.ran.lock().expect("ran").clone()
    }
}

fn work(day: u32) -> JobDate {
    JobDate { job: "nightly".into(), date: NaiveDate::from_ymd_opt(2026, 11, day).expect("date"), newest: true }
}

impl Host for Stage {
    async fn due(&self, _: DateTime<Utc>) -> Result<Due> {
        let changed = self.changed.swap(false, Ordering::SeqCst);
        Ok(Due { dates: self.due.lock().expect("due").clone(), changed })
    }
    fn pace(&self) -> Pace {
        self.pace.lock().expect("pace").clone()
    }
    fn reload(&self) {
        self.changed.store(true, Ordering::SeqCst);
    }
    async fn run(&self, work: JobDate) -> Result<u8> {
        let now = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let before = self.ran().iter().filter(|ran| **ran == work.date.to_string()).count();
        self.ran.lock().expect("ran").push(work.date.to_string());
        tokio::time::sleep(self.takes).await;
        self.running.fetch_sub(1, Ordering::SeqCst);
        let result = (self.script)(&work, before);
        if matches!(result, Ok(0 | 1 | 4)) {
            self.due.lock().expect("due").retain(|due| *due != work);
        }
        result
    }
    async fn idle(&self, _: DateTime<Utc>) -> Result<()> {
        self.idle.fetch_add(1, Ordering::SeqCst);
        self.quiet.notify_one();
        Ok(())
    }
}

fn start() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 2, 0, 0).single().expect("time")
}

fn options(ping: Ping) -> Pace {
    Pace { tick: Duration::from_secs(1), grace: Duration::from_secs(5), ping }
}

fn no_reloads() -> mpsc::Receiver<()> {
    mpsc::channel(1).1
}

/// A night that failed by a fault of the settings runs again as soon as others hold, the same day; SIGHUP makes the look
/// that finds them.
#[tokio::test]
async fn mended_settings_give_a_failed_night_another_chance() {
    let stage = Stage::new(&[22], |_, before| Ok(if before == 0 { 3 } else { 0 }));
    let (reload, reloads) = mpsc::channel(1);
    let watched = Arc::clone(&stage);
    let stop = async move {
        // It failed and waits; ticks that find nothing changed do not try it again.
        for _ in 0..2 {
            watched.quiet.notified().await;
        }
        assert_eq!(watched.ran().len(), 1);
        reload.send(()).await.expect("it listens");
        while watched.ran().len() < 2 {
            watched.quiet.notified().await;
        }
    };
    let serving = serve(Arc::clone(&stage), Clock::fixed(start()), stop, reloads);
    tokio::time::timeout(Duration::from_secs(30), serving).await.expect("stops").expect("serves");
    assert_eq!(stage.ran(), ["2026-11-22", "2026-11-22"]);
}

/// Serves until the host has been idle `times` times, then stops cleanly.
async fn until_idle(stage: &Arc<Stage>, clock: Clock, ping: Ping, times: usize) {
    let watched = Arc::clone(stage);
    let stop = async move {
        while watched.idle.load(Ordering::SeqCst) < times {
            watched.quiet.notified().await;
        }
    };
    *stage.pace.lock().expect("pace") = options(ping);
    let serving = serve(Arc::clone(stage), clock, stop, no_reloads());
    tokio::time::timeout(Duration::from_secs(30), serving).await.expect("stops").expect("serves");
}

#[tokio::test]
async fn oldest_first_one_at_a_time_then_idle() {
    let stage = Stage::slow(&[20, 21, 22], Duration::from_millis(20), |_, _| Ok(0));
    until_idle(&stage, Clock::fixed(start()), Ping::default(), 1).await;
    assert_eq!(stage.ran(), ["2026-11-20", "2026-11-21", "2026-11-22"]);
    assert_eq!(stage.most.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_panic_or_a_lasting_failure_does_not_hold_up_the_next_date() {
    let stage = Stage::new(&[20, 21, 22], |work, _| match work.date.to_string().as_str() {
        "2026-11-20" => panic!("boom"),
        "2026-11-21" => Err(Error::config("wrong")),
        _ => Ok(2),
    });
    until_idle(&stage, Clock::fixed(start()), Ping::default(), 2).await;
    assert_eq!(stage.ran(), ["2026-11-20", "2026-11-21", "2026-11-22"], "each once, none again at the next tick");
    // A newer date falls due: what failed for good has one more chance, oldest first.
    stage.due.lock().expect("due").push(work(23));
    until_idle(&stage, Clock::fixed(start()), Ping::default(), 3).await;
    assert_eq!(stage.ran()[3..], ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"]);
}

#[tokio::test]
async fn passing_trouble_is_tried_again_after_a_pause() {
    let time = Arc::new(Mutex::new(start()));
    let shared = Arc::clone(&time);
    let clock = Clock::from_fn(move || *shared.lock().expect("time"));
    let stage = Stage::new(&[22], |_, before| if before < 2 { Err(Error::retry("network")) } else { Ok(1) });
    let watched = Arc::clone(&stage);
    let stop = async move {
        for minutes in [1, 2, 0] {
            watched.quiet.notified().await;
            *time.lock().expect("time") += TimeDelta::minutes(minutes);
        }
    };
    let serving = serve(Arc::clone(&stage), clock, stop, no_reloads());
    tokio::time::timeout(Duration::from_secs(30), serving).await.expect("stops").expect("serves");
    assert_eq!(stage.ran().len(), 3);
}

#[test]
fn pauses_grow_to_an_hour_and_only_for_passing_trouble() {
    let date = NaiveDate::from_ymd_opt(2026, 11, 22).expect("date");
    let minutes: Vec<i64> = (0..9)
        .map(|failures| match hold_after(&Err(Error::retry("x")), start(), failures, date) {
            Hold::Until(time, count) => {
                assert_eq!(count, failures + 1);
                (time - start()).num_minutes()
            }
            Hold::Newer(_) => panic!("passing"),
        })
        .collect();
    assert_eq!(minutes, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    assert!(matches!(hold_after(&Err(Error::fenced("x")), start(), 40, date), Hold::Until(..)));
    for lasting in [Ok(2), Ok(3), Err(Error::checks("x")), Err(Error::bug("x"))] {
        assert_eq!(hold_after(&lasting, start(), 0, date), Hold::Newer(date));
    }
}

#[tokio::test]
async fn a_stop_lets_the_current_run_finish() {
    let stage = Stage::slow(&[21, 22], Duration::from_millis(300), |_, _| Ok(0));
    let stop = tokio::time::sleep(Duration::from_millis(100));
    serve(Arc::clone(&stage), Clock::fixed(start()), stop, no_reloads()).await.expect("serves");
    assert_eq!(stage.ran(), ["2026-11-21"]);
    assert_eq!(stage.due.lock().expect("due").len(), 1, "the first was finished, the second not begun");
}

#[tokio::test]
async fn a_run_that_outlives_the_grace_is_dropped() {
    let stage = Stage::slow(&[22], Duration::from_hours(1), |_, _| Ok(0));
    let stop = tokio::time::sleep(Duration::from_millis(100));
    stage.pace.lock().expect("pace").grace = Duration::from_millis(100);
    let serving = serve(Arc::clone(&stage), Clock::fixed(start()), stop, no_reloads());
    tokio::time::timeout(Duration::from_secs(10), serving).await.expect("stops").expect("serves");
    assert_eq!(stage.due.lock().expect("due").len(), 1, "it is still due");
}

#[tokio::test]
async fn the_switch_hears_how_each_run_began_and_ended() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("port");
    let port = listener.local_addr().expect("bound").port();
    let heard: Arc<Mutex<Vec<String>>> = Arc::default();
    let record = Arc::clone(&heard);
    let server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 4096];
            let read = stream.read(&mut buffer).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&buffer[..read]).into_owned();
            record.lock().expect("heard").push(text.lines().next().unwrap_or_default().to_string());
            let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK";
            stream.write_all(reply).await.expect("reply");
        }
    });
    let stage = Stage::new(&[20, 21, 22], |work, _| match work.date.to_string().as_str() {
        "2026-11-20" => Err(Error::config("wrong")),
        "2026-11-21" => Ok(1),
        _ => Ok(0),
    });
    let ping = Ping::new(&format!("http://127.0.0.1:{port}/abc/")).expect("ping");
    until_idle(&stage, Clock::fixed(start()), ping, 1).await;
    server.abort();
    let paths: Vec<String> = heard
        .lock()
        .expect("heard")
        .iter()
        .map(|line| line.split(' ').nth(1).unwrap_or_default().to_string())
        .collect();
    assert_eq!(paths, ["/abc/start", "/abc/fail", "/abc/start", "/abc/1", "/abc/start", "/abc/0"]);
}

#[tokio::test]
async fn a_switch_that_is_down_changes_nothing() {
    let stage = Stage::new(&[22], |_, _| Ok(0));
    let ping = Ping::new("http://127.0.0.1:9/x").expect("ping");
    until_idle(&stage, Clock::fixed(start()), ping, 1).await;
    assert_eq!(stage.ran().len(), 1);
    for bad in ["ftp://x", "hc-ping.com/1", "http://"] {
        assert!(Ping::new(bad).expect_err(bad).to_string().contains("serve.ping_url"), "{bad}");
    }
}
