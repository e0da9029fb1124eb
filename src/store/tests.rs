//! Tests of the stores.

use std::time::Duration;

use object_store::memory::InMemory;
use tokio::io::AsyncWriteExt;

use super::testing::{Fault, Faults, Side};
use super::*;
use crate::error::Kind;

fn folder() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::folder(dir.path(), true).unwrap();
    (dir, store)
}

fn keys_of(objects: &[Object]) -> Vec<&str> {
    objects.iter().map(|object| object.key.as_str()).collect()
}

#[tokio::test]
async fn chinese_names_are_found_under_the_name_that_was_listed() {
    let (dir, local) = folder();
    std::fs::create_dir_all(dir.path().join("华东/销售")).unwrap();
    std::fs::write(dir.path().join("华东/销售/渠道.csv"), "a,b\n").unwrap();
    let memory = Store::memory();
    memory.put("华东/销售/渠道.csv", "a,b\n").await.unwrap();
    for store in [local, memory] {
        let listed = store.list("华东").await.unwrap();
        assert_eq!(keys_of(&listed), ["华东/销售/渠道.csv"]);
        assert_eq!(store.get(&listed[0].key).await.unwrap().as_ref(), b"a,b\n");
        assert_eq!(store.head(&listed[0].key).await.unwrap(), listed[0], "listing and head agree");
    }
}

#[tokio::test]
async fn keys_that_would_be_rewritten_are_refused() {
    let (_dir, local) = folder();
    for store in [local, Store::memory()] {
        for key in ["../secret", "a/../b", "a//b.csv", "/a.csv", "a/", "", "a/./b", "a/\u{7}.csv"] {
            let error = store.get(key).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Input, "{key}");
            assert!(error.to_string().starts_with(&format!("{key:?}")), "{error}");
        }
    }
}

#[cfg(unix)]
#[tokio::test]
async fn links_out_of_the_folder_are_refused_and_named_and_others_go_on() {
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("hostname"), "secret").unwrap();
    let (dir, store) = folder();
    for sender in ["good", "file_link", "folder_link", "broken"] {
        std::fs::create_dir_all(dir.path().join(sender)).unwrap();
        std::fs::write(dir.path().join(sender).join("a.csv"), "x\n").unwrap();
    }
    std::os::unix::fs::symlink(outside.path().join("hostname"), dir.path().join("file_link/b.csv")).unwrap();
    std::os::unix::fs::symlink(outside.path(), dir.path().join("folder_link/b")).unwrap();
    std::os::unix::fs::symlink("/does/not/exist", dir.path().join("broken/b.csv")).unwrap();

    assert_eq!(keys_of(&store.list("good").await.unwrap()), ["good/a.csv"]);
    let bad = [("file_link", "file_link/b.csv"), ("folder_link", "folder_link/b"), ("broken", "broken/b.csv")];
    for (prefix, named) in bad {
        let error = store.list(prefix).await.unwrap_err();
        assert_eq!((error.kind(), error.path()), (Kind::Input, Some(named)), "{error}");
    }
    for key in ["file_link/b.csv", "folder_link/b/hostname", "folder_link/b/new.csv"] {
        assert!(store.get(key).await.unwrap_err().to_string().contains("leads out"), "{key}");
    }
    assert!(store.put("folder_link/b/new.csv", "x").await.is_err());
    assert!(!outside.path().join("new.csv").exists());

    std::os::unix::fs::symlink(dir.path().join("good"), dir.path().join("inside")).unwrap();
    assert_eq!(keys_of(&store.list("inside").await.unwrap()), ["inside/a.csv"], "a link that stays inside is followed");
}

/// What strangers fill is listed with what cannot be used beside it; an object store can only say that it failed.
#[cfg(unix)]
#[tokio::test]
async fn a_survey_names_what_cannot_be_used_beside_the_rest() {
    let (dir, store) = folder();
    std::fs::create_dir_all(dir.path().join("d/deep")).unwrap();
    for name in ["a.csv", "b\n.csv", "deep/c.csv", "e.csv#1"] {
        std::fs::write(dir.path().join("d").join(name), "x").unwrap();
    }
    std::os::unix::fs::symlink("/etc/hostname", dir.path().join("d/link.csv")).unwrap();
    let found = store.survey("d").await.unwrap();
    assert_eq!(keys_of(&found.objects), ["d/a.csv", "d/deep/c.csv"]);
    let refused: Vec<(&str, String)> =
        found.refused.iter().map(|error| (error.path().unwrap(), error.message())).collect();
    assert_eq!(
        refused,
        [
            (r#""d/b\n.csv""#, "its name has a control character; rename the file".to_string()),
            (
                "d/link.csv",
                "is a link that leads out of the folder, or nowhere; put the file itself there, or remove the link"
                    .to_string()
            ),
        ]
    );
    assert!(store.list("d").await.is_err(), "our own listings stay strict");
    assert!(store.survey("no/such/folder").await.unwrap().objects.is_empty());
    for number in 0..1_100 {
        std::os::unix::fs::symlink("/etc/hostname", dir.path().join(format!("d/{number}"))).unwrap();
    }
    assert_eq!(store.survey("d").await.unwrap().refused.len(), 1_000, "rubbish without end is not all remembered");
}

#[tokio::test]
async fn listing_leaves_out_folder_markers_and_unfinished_uploads() {
    let memory = Store::memory();
    for (key, bytes) in [("d/sub", ""), ("d/empty.csv", ""), ("d/data", "x"), ("other/a.csv", "x"), ("d2/a.csv", "x")] {
        memory.put(key, bytes).await.unwrap();
    }
    assert_eq!(keys_of(&memory.list("d").await.unwrap()), ["d/data", "d/empty.csv"]);

    let (dir, local) = folder();
    std::fs::write(dir.path().join("a.csv"), "x").unwrap();
    std::fs::write(dir.path().join("a.csv#1"), "half").unwrap();
    assert_eq!(keys_of(&local.list("").await.unwrap()), ["a.csv"]);
    assert_eq!(local.unfinished_uploads().await.unwrap().len(), 1);
    assert!(local.get("a.csv#1").await.unwrap_err().to_string().contains("unfinished upload"));
    assert!(local.list("no/such/folder").await.unwrap().is_empty());
}

#[tokio::test]
async fn a_key_is_created_once_and_replaced_whole() {
    let (dir, local) = folder();
    for store in [local, Store::memory()] {
        assert_eq!(store.put_new("state/x.json", "one").await.unwrap(), Put::Created);
        assert_eq!(store.put_new("state/x.json", "two").await.unwrap(), Put::Exists);
        assert_eq!(store.get("state/x.json").await.unwrap().as_ref(), b"one");
        store.put("state/x.json", "three").await.unwrap();
        assert_eq!(store.get("state/x.json").await.unwrap().as_ref(), b"three");
        store.copy("state/x.json", "latest/y.json").await.unwrap();
        store.copy("state/x.json", "latest/y.json").await.unwrap();
        assert!(store.exists("latest/y.json").await.unwrap());
        store.delete("latest/y.json").await.unwrap();
        store.delete("latest/y.json").await.unwrap();
        assert!(!store.exists("latest/y.json").await.unwrap());
        assert_eq!(store.get_if_exists("latest/y.json").await.unwrap(), None);
        assert_eq!(store.get("latest/y.json").await.unwrap_err().kind(), Kind::Input);
        store.check_create_once("t").await.unwrap();
        assert_eq!(keys_of(&store.list("").await.unwrap()), ["state/x.json"]);
    }
    let names: Vec<_> = std::fs::read_dir(dir.path().join("state")).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(names.iter().all(|name| !name.to_string_lossy().contains('#')), "{names:?}");
}

#[tokio::test]
async fn damaged_and_short_objects_are_refused() {
    let store = Store::memory();
    store.put("a", "hello").await.unwrap();
    let sha256 = sha256_hex(b"hello");
    store.get_verified("a", &sha256).await.unwrap();
    store.put("a", "hellp").await.unwrap();
    let error = store.get_verified("a", &sha256).await.unwrap_err();
    assert!(error.to_string().contains(&format!("expected {sha256}")), "{error}");

    let faults = Faults::new().at(Side::Read, 1, Fault::Truncate);
    let error = store.wrapped(|inner| faults.around(inner)).get("a").await.unwrap_err();
    assert_eq!(error.to_string(), "a: 2 bytes arrived of 5");
}

#[tokio::test]
async fn writer_hashes_what_passes() {
    let (_dir, local) = folder();
    for store in [local, Store::memory()] {
        for size in [0, 10, 20_000_000] {
            let data: Vec<u8> = (0..size).map(|i: u32| u8::try_from(i % 251).unwrap()).collect();
            let mut writer = store.writer("staged/渠道.parquet").unwrap();
            for chunk in data.chunks(777_777) {
                writer.write_all(chunk).await.unwrap();
            }
            assert_eq!(writer.bytes(), u64::from(size));
            let (sha256, bytes) = writer.finish().await.unwrap();
            assert_eq!((sha256.as_str(), bytes), (sha256_hex(&data).as_str(), u64::from(size)));
            assert_eq!(store.get_verified("staged/渠道.parquet", &sha256).await.unwrap().len(), data.len());
        }
    }
}

#[tokio::test]
async fn an_aborted_or_failed_upload_leaves_nothing() {
    let (_dir, local) = folder();
    for store in [local, Store::memory()] {
        for size in [10, 20_000_000] {
            let mut writer = store.writer("staged/a.parquet").unwrap();
            writer.write_all(&vec![7; size]).await.unwrap();
            writer.abort().await.unwrap();
            assert!(!store.exists("staged/a.parquet").await.unwrap());
        }
        for (fault, small) in [(1, true), (1, false), (2, false), (3, false), (4, false)] {
            let faults = Faults::new().at(Side::Write, fault, Fault::ErrorBefore);
            let failing = store.wrapped(|inner| faults.around(inner));
            let mut writer = failing.writer("staged/a.parquet").unwrap();
            let data = vec![7; if small { 10 } else { 20_000_000 }];
            let mut failed = false;
            for chunk in data.chunks(1_000_000) {
                failed |= writer.write_all(chunk).await.is_err();
            }
            failed |= writer.shutdown().await.is_err();
            assert!(failed, "fault {fault}");
            assert!(writer.write_all(b"more").await.is_err());
            writer.abort().await.unwrap();
            assert!(!store.exists("staged/a.parquet").await.unwrap());
        }
    }
}

#[tokio::test]
async fn parquet_writes_through_the_hashing_writer() {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch};
    let store = Store::memory();
    let column: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
    let batch = RecordBatch::try_from_iter([("n", column)]).unwrap();
    let writer = store.writer("m.parquet").unwrap();
    let mut parquet = parquet::arrow::AsyncArrowWriter::try_new(writer, batch.schema(), None).unwrap();
    parquet.write(&batch).await.unwrap();
    parquet.finish().await.unwrap();
    let (sha256, bytes) = parquet.into_inner().finish().await.unwrap();
    let read = store.get_verified("m.parquet", &sha256).await.unwrap();
    assert_eq!((bytes, &read[..4]), (read.len() as u64, b"PAR1".as_slice()));
}

#[tokio::test]
async fn a_store_that_cannot_hold_a_chain_is_named_and_left_as_it_was() {
    let store = Store::memory();
    store.check_create_once("a").await.unwrap();
    let faults = Faults::new().ignoring_create();
    let error = store.wrapped(|inner| faults.around(inner)).check_create_once("b").await.unwrap_err();
    assert_eq!((error.kind(), error.path()), (Kind::Config, Some("InMemory")));
    assert!(error.advice().unwrap().contains("If-None-Match"));
    // It writes and then cannot say what (a lost etag), or not give it back: the probe goes all the same.
    for (side, n, fault) in
        [(Side::Write, 1, Fault::ErrorAfter), (Side::Write, 2, Fault::ErrorBefore), (Side::Read, 1, Fault::ErrorBefore)]
    {
        let faults = Faults::new().at(side, n, fault);
        let error = store.wrapped(|inner| faults.around(inner)).check_create_once("c").await.unwrap_err();
        assert_eq!((error.kind(), error.path()), (Kind::Retry, Some("InMemory")), "{side:?} {n}");
        assert!(error.one_line().contains("does not work in this store: state/probe/"), "{error:?}");
        assert!(error.advice().unwrap().contains("or a folder"), "{error:?}");
        let faults = Faults::new().at(Side::Write, 1, Fault::ErrorAfter);
        store.wrapped(|inner| faults.around(inner)).check_writable("staged", "d").await.unwrap_err();
        assert!(store.list("").await.unwrap().is_empty(), "nothing is left behind");
    }
}

#[tokio::test]
async fn after_the_kill_nothing_works() {
    let inner = Arc::new(InMemory::new());
    for happens in [false, true] {
        let faults = Faults::new().kill_at_write(2, happens);
        let store = Store::new(faults.around(Arc::<InMemory>::clone(&inner)));
        let name = |n| format!("{happens}/{n}.txt");
        store.put(&name(1), "x").await.unwrap();
        store.put(&name(2), "x").await.unwrap_err();
        assert!(faults.is_dead());
        store.put(&name(3), "x").await.unwrap_err();
        store.get(&name(1)).await.unwrap_err();
        let survivor = Store::new(Arc::<InMemory>::clone(&inner) as Arc<dyn ObjectStore>);
        assert_eq!(survivor.exists(&name(2)).await.unwrap(), happens);
        assert!(!survivor.exists(&name(3)).await.unwrap());
    }
}

const CANARY: &str = "canary-secret-0123456789";

#[tokio::test]
async fn credentials_never_show() {
    let environment = [
        ("AWS_ACCESS_KEY_ID", CANARY),
        ("AWS_SECRET_ACCESS_KEY", CANARY),
        ("AWS_SESSION_TOKEN", CANARY),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ALLOW_HTTP", "true"),
        // Nothing listens there: the request fails and the error says where it went.
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9/canary-secret-0123456789"),
        ("AZURE_STORAGE_ACCOUNT_NAME", "account"),
        ("AZURE_STORAGE_ACCOUNT_KEY", "Y2FuYXJ5LXNlY3JldC0wMTIzNDU2Nzg5"),
        ("GOOGLE_SERVICE_ACCOUNT_KEY", CANARY),
    ]
    .map(|(key, value)| (key.to_string(), value.to_string()));
    let text = "[stores]\ninbox = \"s3://bucket/in\"\nlake = \"az://container/lake\"\nmarts = \"memory:///\"\n\
                [run]\nretries = 0";
    let config = Config::parse(text, FsPath::new("/")).unwrap();
    let stores = Stores::open_with(&config, environment.clone().into_iter()).unwrap();
    let error = stores.inbox.get("a.csv").await.unwrap_err();
    let listing = stores.inbox.list("d01").await.unwrap_err();
    let google = Config::parse("[stores]\ninbox = \"gs://bucket/in\"", FsPath::new("/")).unwrap();
    let refused = Stores::open_with(&google, environment.into_iter()).unwrap_err();
    let (inbox, lake) = (stores.inbox.object(), stores.lake.object());
    let one_line = error.one_line();
    let shown =
        format!("{stores:?} {} {inbox:?} {inbox} {lake:?} {error:?} {one_line} {listing:?} {refused:?}", stores.inbox);
    let raw_key_bytes = "99, 97, 110, 97, 114, 121";
    for secret in [CANARY, "Y2FuYXJ5LXNlY3JldC0wMTIzNDU2Nzg5", raw_key_bytes] {
        assert!(!shown.contains(secret), "{shown}");
    }

    let text = format!("[stores]\ninbox = \"s3://key:{CANARY}@bucket/in\"");
    let config = Config::parse(&text, FsPath::new("/")).unwrap();
    let error = Stores::open_with(&config, std::iter::empty()).unwrap_err();
    assert_eq!(error.path(), Some("config.toml:2: stores.inbox"));
    assert!(!format!("{error:?}").contains(CANARY), "{error:?}");
}

#[test]
fn locations_are_folders_or_urls() {
    let dir = tempfile::tempdir().unwrap();
    let open = |inbox: &str| {
        let text = format!("[stores]\ninbox = \"{inbox}\"\nlake = \"memory:///\"\nmarts = \"memory:///\"");
        Stores::open_with(&Config::parse(&text, dir.path()).unwrap(), std::iter::empty())
    };
    let missing = open("missing").unwrap_err();
    assert_eq!((missing.kind(), missing.path()), (Kind::Config, Some(dir.path().join("missing").to_str().unwrap())));
    std::fs::create_dir(dir.path().join("收件")).unwrap();
    let real = std::fs::canonicalize(dir.path().join("收件")).unwrap();
    assert_eq!(open("收件").unwrap().inbox.local_root(), Some(real.as_path()));
    let url = format!("file://{}/收件", dir.path().display());
    assert_eq!(open(&url).unwrap().inbox.local_root(), Some(real.as_path()));
    for wrong in ["ftp://host/x", "s3://"] {
        assert_eq!(open(wrong).unwrap_err().kind(), Kind::Config, "{wrong}");
    }
}

#[test]
fn keys_are_read_back() {
    assert_eq!(keys::commit(42), "state/commits/000042.json");
    assert_eq!(keys::commit_number(&keys::commit(1_234_567)), Some(1_234_567));
    for key in ["state/commits/42.json", "state/commits/x.json", "state/commits/000042.json.bak", "000042.json"] {
        assert_eq!(keys::commit_number(key), None, "{key}");
    }
    assert_eq!(keys::lease_epoch(&keys::lease(7)), Some(7));
    assert_eq!(keys::lease_epoch(&keys::lease_beat(7)), None);
}

#[test]
fn pauses_double_up_to_a_bound() {
    let retry = Retry { retries: 5, first_pause: Duration::from_millis(500) };
    assert_eq!(retry.pause(1), Duration::from_millis(500));
    assert_eq!(retry.pause(3), Duration::from_secs(2));
    assert_eq!(retry.pause(1_000), Duration::from_secs(15));
}
