//! Repeated keys are found whether hashes fit in memory or not.

use std::sync::Arc;

use arrow::array::{Int64Array, StringArray};

use super::*;

#[test]
fn hashes_see_values_and_nulls() {
    let texts: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("b"), None, Some(""), Some("a")]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 1, 1, 1, 1]));
    let mut hashes = vec![0; 5];
    fold(&texts, &mut hashes);
    fold(&numbers, &mut hashes);
    assert_eq!(hashes[0], hashes[4]);
    assert_eq!(HashSet::<u64>::from_iter(hashes).len(), 4);
    // neighbouring columns do not run into each other
    let pair = |left: &str, right: &str| {
        let mut hash = vec![0];
        fold(&(Arc::new(StringArray::from(vec![left])) as ArrayRef), &mut hash);
        fold(&(Arc::new(StringArray::from(vec![right])) as ArrayRef), &mut hash);
        hash[0]
    };
    assert_ne!(pair("ab", "c"), pair("a", "bc"));
    assert_ne!(pair("a", "b"), pair("b", "a"));
}

#[test]
fn spilled_hashes_give_the_same_suspects() {
    let scratch = tempfile::tempdir().unwrap();
    let hashes: Vec<u64> = (0..10_000_u64).map(|at| mix(7, at % 9_990)).collect();
    let own = |spill: bool| {
        let mut own = KeyHashes { columns: Vec::new(), held: hashes.clone(), spilled: None, count: hashes.len() };
        if spill {
            own.spill(scratch.path()).unwrap();
            assert!(own.held.is_empty());
        }
        own.suspects(scratch.path()).unwrap()
    };
    let expected: Vec<usize> = (0..10).chain(9_990..10_000).collect();
    assert_eq!(own(false), expected);
    assert_eq!(own(true), expected);
}
