//! The in-process S3 service against `object_store`'s own client: what it promises, it keeps.

use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    BackoffConfig, GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload, RetryConfig,
    UpdateVersion,
};

use crate::support::s3::{ACCESS_KEY, BUCKET, FaultKind, S3, SECRET_KEY};

fn client_as(s3: &S3, key: &str) -> AmazonS3 {
    let backoff = BackoffConfig { init_backoff: Duration::from_millis(5), ..BackoffConfig::default() };
    AmazonS3Builder::new()
        .with_bucket_name(BUCKET)
        .with_region("us-east-1")
        .with_endpoint(s3.endpoint())
        .with_allow_http(true)
        .with_access_key_id(key)
        .with_secret_access_key(SECRET_KEY)
        .with_retry(RetryConfig { max_retries: 3, backoff, ..RetryConfig::default() })
        .build()
        .expect("a client for the service")
}

fn client(s3: &S3) -> AmazonS3 {
    client_as(s3, ACCESS_KEY)
}

async fn read(store: &AmazonS3, key: &str) -> Vec<u8> {
    store.get(&Path::from(key)).await.expect("an object").bytes().await.expect("its bytes").to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_racing_creates_exactly_one_wins() {
    let s3 = S3::start();
    let store = Arc::new(client(&s3));
    for round in 0..10 {
        let key = Path::from(format!("state/commits/{round:06}.json"));
        let racers = (0..50).map(|racer| {
            let (store, key) = (Arc::clone(&store), key.clone());
            tokio::spawn(async move {
                let options = PutOptions::from(PutMode::Create);
                store.put_opts(&key, PutPayload::from(format!("racer {racer}")), options).await.map(|_| racer)
            })
        });
        let ends = futures::future::join_all(racers).await;
        let winners: Vec<i32> = ends.into_iter().filter_map(|end| end.expect("no panic").ok()).collect();
        assert_eq!(winners.len(), 1, "round {round}");
        assert_eq!(read(&store, key.as_ref()).await, format!("racer {}", winners[0]).into_bytes());
    }
}

#[tokio::test]
async fn updates_succeed_only_on_the_version_they_name() {
    let s3 = S3::start();
    let store = client(&s3);
    let key = Path::from("state/lease");
    let first = store.put(&key, "one".into()).await.expect("put");
    let on = |etag: Option<String>| PutOptions::from(PutMode::Update(UpdateVersion { e_tag: etag, version: None }));
    store.put_opts(&key, "two".into(), on(first.e_tag.clone())).await.expect("the version is current");
    let stale = store.put_opts(&key, "three".into(), on(first.e_tag)).await;
    assert!(matches!(stale, Err(object_store::Error::Precondition { .. })), "{stale:?}");
    assert_eq!(read(&store, "state/lease").await, b"two");
}

#[tokio::test]
async fn reads_take_ranges_conditions_and_heads() {
    let s3 = S3::start();
    let store = client(&s3);
    let key = Path::from("in/渠道 a+b%.csv");
    let put = store.put(&key, "0123456789".into()).await.expect("put");
    assert_eq!(store.get_range(&key, 2..5).await.expect("range").as_ref(), b"234");
    let tail = GetOptions { range: Some(GetRange::Suffix(3)), ..GetOptions::default() };
    assert_eq!(store.get_opts(&key, tail).await.expect("tail").bytes().await.expect("bytes").as_ref(), b"789");
    let head = store.head(&key).await.expect("head");
    assert_eq!((head.size, head.e_tag), (10, put.e_tag));
    let other = GetOptions { if_match: Some("\"other\"".into()), ..GetOptions::default() };
    assert!(matches!(store.get_opts(&key, other).await, Err(object_store::Error::Precondition { .. })));
    assert!(matches!(store.head(&Path::from("none")).await, Err(object_store::Error::NotFound { .. })));
}

#[tokio::test]
async fn listings_come_in_pages_with_folders_and_deletes_take_many() {
    let s3 = S3::start();
    s3.set_page(3);
    let store = client(&s3);
    for day in 1..=10 {
        s3.put(&format!("inbox/p{}/sales/{day:02} & more.csv", day % 2), format!("day {day}"));
    }
    let all: Vec<_> = store.list(Some(&Path::from("inbox"))).try_collect().await.expect("a listing");
    assert_eq!(all.len(), 10);
    assert!(all.windows(2).all(|pair| pair[0].location < pair[1].location), "sorted");
    let below = store.list_with_delimiter(Some(&Path::from("inbox"))).await.expect("a listing");
    assert_eq!(below.common_prefixes, [Path::from("inbox/p0"), Path::from("inbox/p1")]);
    assert!(below.objects.is_empty());
    let gone = futures::stream::iter(all.into_iter().map(|meta| Ok(meta.location))).boxed();
    let gone: Vec<_> = store.delete_stream(gone).try_collect().await.expect("deleted");
    assert_eq!(gone.len(), 10);
    assert!(s3.objects("").is_empty());
}

#[tokio::test]
async fn multipart_uploads_appear_whole_or_not_at_all() {
    let s3 = S3::start();
    let store = client(&s3);
    let key = Path::from("marts/big.parquet");
    let mut upload = store.put_multipart(&key).await.expect("an upload");
    let (first, second) = (vec![1_u8; 5 << 20], vec![2_u8; 17]);
    futures::future::try_join(upload.put_part(first.clone().into()), upload.put_part(second.clone().into()))
        .await
        .expect("both parts");
    assert!(s3.objects("").is_empty(), "nothing is visible before the upload is complete");
    upload.complete().await.expect("complete");
    assert_eq!(read(&store, "marts/big.parquet").await, [first, second].concat());

    let mut upload = store.put_multipart(&Path::from("marts/dropped.parquet")).await.expect("an upload");
    upload.put_part(vec![3_u8; 9].into()).await.expect("a part");
    upload.abort().await.expect("abort");
    assert_eq!(s3.objects("marts/").len(), 1);
}

#[tokio::test]
async fn copies_stay_in_the_service() {
    let s3 = S3::start();
    let store = client(&s3);
    s3.put("marts/a b.parquet", "rows");
    store.copy(&Path::from("marts/a b.parquet"), &Path::from("marts/latest/a.parquet")).await.expect("copy");
    assert_eq!(read(&store, "marts/latest/a.parquet").await, b"rows");
    assert_eq!(s3.count("GET"), 1, "only the read above fetched bytes");
}

#[tokio::test]
async fn strangers_are_refused() {
    let s3 = S3::start();
    s3.put("inbox/x.csv", "rows");
    let store = client_as(&s3, "AKIASTRANGER");
    let refused = store.get(&Path::from("inbox/x.csv")).await;
    assert!(matches!(refused, Err(object_store::Error::PermissionDenied { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_lost_reply_makes_an_own_create_look_taken() {
    for kind in [FaultKind::DropReply, FaultKind::ErrorAfterWrite] {
        let s3 = S3::start();
        let store = client(&s3);
        s3.fail(kind, "commits/", 1);
        let create = |key: &'static str, body: &'static str| {
            let store = &store;
            async move { store.put_opts(&Path::from(key), body.into(), PutOptions::from(PutMode::Create)).await }
        };
        create("commits/1", "first").await.expect("the fault waits for the second write");
        let second = create("commits/2", "second").await;
        assert!(second.is_err(), "{kind:?} is seen by the writer");
        assert_eq!(read(&store, "commits/2").await, b"second", "{kind:?} comes after the write");
        assert_eq!(s3.pending_faults(), 0);
    }
}

#[tokio::test]
async fn a_busy_service_is_asked_again() {
    let s3 = S3::start();
    let store = client(&s3);
    s3.fail(FaultKind::Unavailable, "marts/", 0);
    store.put(&Path::from("marts/a"), "rows".into()).await.expect("the retry succeeds");
    assert_eq!(s3.count("PUT"), 2);
}
