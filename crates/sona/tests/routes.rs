//! Which names lead where.

use proptest::prelude::*;
use sona::{How, MAX_SUGGESTIONS, Route, Router};

fn router(routes: &[&[&str]]) -> Router {
    let routes: Vec<Vec<String>> = routes
        .iter()
        .map(|route| route.iter().map(|&form| form.to_owned()).collect())
        .collect();
    Router::new(&routes)
}

fn routed(index: u32, how: How) -> Route {
    Route::Routed { index, how }
}

fn unknown(did_you_mean: &[u32]) -> Route {
    Route::Unknown {
        did_you_mean: did_you_mean.to_vec(),
    }
}

#[test]
fn finds_names_aliases_and_namespaces() {
    let router = router(&[
        &["files__read", "cat", "open"],
        &["files__write"],
        &["web__read"],
        &["echo"],
        &["db/query"],
        &["a__b__c"],
    ]);
    for (name, expected) in [
        ("files__read", routed(0, How::Name)),
        ("cat", routed(0, How::Alias)),
        ("files/read", routed(0, How::Namespace)),
        ("write", routed(1, How::Namespace)),
        ("read", unknown(&[0, 2])),
        ("echo", routed(3, How::Name)),
        ("db/query", routed(4, How::Name)),
        ("db__query", routed(4, How::Namespace)),
        ("query", routed(4, How::Namespace)),
        ("b__c", routed(5, How::Namespace)),
        ("a/b__c", routed(5, How::Namespace)),
        ("a/b/c", unknown(&[5])),
        ("", unknown(&[])),
    ] {
        assert_eq!(router.route(name), expected, "{name}");
    }
}

#[test]
fn names_win_over_aliases_and_those_over_namespaces() {
    let router = router(&[&["x__echo", "run"], &["echo"], &["run"], &["y__run"]]);
    assert_eq!(router.route("echo"), routed(1, How::Name));
    assert_eq!(router.route("run"), routed(2, How::Name));
    assert_eq!(router.route("y/run"), routed(3, How::Namespace));
}

#[test]
fn proposes_but_never_guesses() {
    let router = router(&[
        &["get_user"],
        &["get_users"],
        &["set_user"],
        &["list_orders"],
        &["unrelated"],
    ]);
    for (name, expected) in [
        ("get-user", unknown(&[0, 1, 2])),
        ("Get_User", unknown(&[0, 1, 2])),
        ("get_usre", unknown(&[0, 1, 2])),
        ("lst_ordesr", unknown(&[3])),
        ("something_else", unknown(&[])),
    ] {
        assert_eq!(router.route(name), expected, "{name}");
    }
    assert_eq!(router.route(&"x".repeat(257)), unknown(&[]));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_what_is_a_form_of_a_name_is_routed(
        names in prop::collection::btree_set("[ab]{1,3}(__[ab]{1,2})?", 1..6),
        query in "[abA/_-]{0,6}",
    ) {
        let routes: Vec<Vec<String>> = names.iter().map(|name| vec![name.clone()]).collect();
        match Router::new(&routes).route(&query) {
            Route::Routed { index, .. } => {
                let name = &routes[index as usize][0];
                let tool = name.split_once("__").map(|(_, tool)| tool);
                prop_assert!(*name == query || name.replacen("__", "/", 1) == query || tool == Some(&query));
                if *name != query && tool == Some(&query) {
                    let same = routes.iter().filter(|route| route[0].split_once("__").map(|(_, tool)| tool) == tool);
                    prop_assert_eq!(same.count(), 1, "unique");
                    prop_assert!(!names.contains(&query));
                }
            }
            Route::Unknown { did_you_mean } => {
                prop_assert!(did_you_mean.len() <= MAX_SUGGESTIONS);
                prop_assert!(!names.contains(&query));
            }
        }
    }
}
