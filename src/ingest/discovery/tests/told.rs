//! The issues of lists that could be read.

use super::*;

/// The issues of a complete list.
async fn issues(discovery: &Functions<Cloud>) -> (usize, Vec<String>) {
    let complete = discovery.list().await.unwrap().complete;
    let DiscoveryIssues { unmatched, texts } = complete.unwrap().issues;
    (unmatched, texts)
}

fn named(namespaces: &[&str], functions: &[&str]) -> FunctionSelector {
    select(filter(namespaces, &[], &[]), filter(functions, &[], &[]))
}

#[tokio::test(start_paused = true)]
async fn a_namespace_that_does_not_exist_is_told_with_what_may_be_meant() {
    let cloud = Cloud::of(&["default/a"]);
    let typo = "no namespace is called `defautl`; did you mean `default`?".to_owned();
    let alone = discovery(&cloud, named(&["defautl"], &[]));
    assert_eq!(issues(&alone).await, (1, vec![typo.clone()]));
    let beside = discovery(&cloud, named(&["default", "defautl"], &[]));
    assert_eq!(all_names(&beside).await, ["default/a"]);
    assert_eq!(issues(&beside).await, (1, vec![typo]));
}

#[tokio::test(start_paused = true)]
async fn names_that_are_not_there_are_told_with_what_may_be_meant() {
    let cloud = Cloud::of(&["default/hello", "default/world", "default/old"]);
    let helo = "no function is called `helo`; did you mean `hello`?";
    // One name alone, and one of several: both are asked for without any list.
    for names in [&["helo"][..], &["helo", "world"]] {
        let discovery = discovery(&cloud, named(&["default"], names));
        assert_eq!(issues(&discovery).await, (1, vec![helo.to_owned()]));
        let lists = cloud.asked("ListFunctions");
        assert_eq!(issues(&discovery).await.0, 1);
        assert_eq!(cloud.asked("ListFunctions"), lists, "looked for once");
        cloud.add("default/helo");
        assert_eq!(issues(&discovery).await, (0, Vec::new()));
        cloud.delete("default/helo");
    }
    // Patterns, and a name beside them, need the list anyway.
    let wanted = select(any(), filter(&["helo"], &["wor.*", "web-.*"], &[]));
    let of_list = discovery(&cloud, wanted);
    let pattern = "the pattern `web-.*` fits no function: compare it with their names";
    let both = vec![helo.to_owned(), pattern.to_owned()];
    assert_eq!(issues(&of_list).await, (2, both));
    // A list that may miss some changes nothing of that, and is told itself.
    cloud.change(|c| c.broken_namespace = Some("other"));
    cloud.add("other/x");
    let (unmatched, texts) = issues(&of_list).await;
    assert_eq!((unmatched, texts.len()), (2, 3));
    let unlisted = "namespace `other` could not be listed";
    assert!(texts[2].contains(unlisted), "{texts:?}");
}

#[tokio::test(start_paused = true)]
async fn an_account_whose_functions_are_all_excluded_is_told_so() {
    let cloud = Cloud::of(&["default/a"]);
    let excluded = "every function that there is is excluded: check `exclude`".to_owned();
    let excluding = discovery(&cloud, select(any(), filter(&[], &[], &["a|b"])));
    assert_eq!(issues(&excluding).await, (1, vec![excluded]));
    assert_eq!(issues(&of_all(&cloud)).await, (0, Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_read_is_told_with_the_right_that_is_missing() {
    let cloud = Cloud::of(&["default/a"]);
    let discovery = of_all(&cloud);
    cloud.fail("GetFunction", Failure::Forbidden);
    let (unmatched, texts) = issues(&discovery).await;
    assert_eq!((unmatched, texts.len()), (0, 1));
    for words in ["scf:GetFunction", "timeouts", "`max_run_time`"] {
        assert!(texts[0].contains(words), "{texts:?}");
    }
    cloud.fail("ListNamespaces", Failure::Forbidden);
    let (_, texts) = issues(&discovery).await;
    assert!(texts[0].contains("scf:ListNamespaces"), "{texts:?}");
    assert_eq!(texts.len(), 2);
    cloud.works("GetFunction");
    cloud.works("ListNamespaces");
    assert_eq!(issues(&discovery).await, (0, Vec::new()));
}
