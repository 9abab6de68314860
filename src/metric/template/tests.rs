//! What templates render, against what Go makes of them.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn scope() -> Scope {
    let variables = [("direction", "inbound"), ("codes", "5.*"), ("empty", "")];
    Scope {
        name: "podinfo".to_owned(),
        namespace: "test".to_owned(),
        target: "podinfo-app".to_owned(),
        pods: "podinfo-app-[0-9]".to_owned(),
        service: "podinfo-svc".to_owned(),
        ingress: "podinfo-ingress".to_owned(),
        route: "podinfo-route".to_owned(),
        interval: "1m".to_owned(),
        variables: variables.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect(),
    }
}

#[test]
fn templates_render_as_in_go_and_what_go_refuses_is_refused() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("testdata/cases.json")).unwrap();
    let mut differ = Vec::new();
    for case in &cases {
        let template = case["template"].as_str().unwrap();
        let rendered = render(template, &scope());
        if rendered.as_deref().ok() != case["output"].as_str() {
            differ.push(format!("{template}\n  Go: {}\n  we: {rendered:?}", case["output"]));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
    assert!(cases.len() > 150);
}

fn refusal(template: &str) -> String {
    render(template, &scope()).unwrap_err().to_string()
}

#[test]
fn a_refusal_tells_where_and_what_to_write() {
    let known = "name, namespace, target, pods, service, ingress, route, interval, variables";
    assert_eq!(
        refusal("up{\n  app=\"{{ direction }}\"}"),
        format!(
            "line 2, column 11: \"direction\" is no function of a query; there are {known}, and a templateVariable is written {{{{ variables.direction }}}}"
        )
    );
    assert_eq!(
        refusal("é {{ variables.zone }}"),
        "line 1, column 6: variables has no \"zone\" (set are codes, direction, empty); set templateVariables.zone beside the templateRef in the Canary"
    );
    assert_eq!(refusal("{{ name "), "line 1, column 1: the action that begins here is not closed; write }}");
    assert_eq!(
        refusal("{{ .Values.zone }}"),
        "line 1, column 4: there is no .Values here; a templateVariable is written {{ variables.Values }}"
    );
    assert_eq!(
        refusal("a\n{{ if name }}b"),
        "line 2, column 4: the if that begins here is not closed; write {{ end }}"
    );
    assert_eq!(
        refusal("{{ eq variables.codes 5 }}"),
        "line 1, column 4: the text \"5.*\" and the whole number 5 cannot be compared; templateVariables are always text"
    );
}

#[test]
fn what_go_would_print_into_the_query_as_a_complaint_is_refused() {
    assert_eq!(refusal("{{ printf \"%d\" \"a\" }}"), "line 1, column 4: printf cannot write the text \"a\" with %d");
    assert_eq!(refusal("{{ printf \"%d\" }}"), "line 1, column 4: printf has no value for %d");
    assert_eq!(refusal("{{ printf \"\" 1 }}"), "line 1, column 4: printf has no verb for the whole number 1");
    assert!(refusal("{{ printf \"%\" }}").contains("write %% for a percent sign"));
    assert!(refusal("{{ printf \"%999s\" \"a\" }}").contains("widths and precisions end at 256"));
    assert!(refusal("{{ define \"a\" }}x{{ end }}").contains("write the query in one piece"));
}

#[test]
fn work_output_and_depth_are_bounded() {
    let too_much = "renders too much text or runs too long";
    assert!(refusal("{{ range 1000000000 }}{{ end }}").contains(too_much));
    assert!(refusal("{{ $x := \"aa\" }}{{ range 99 }}{{ $x = print $x $x }}{{ end }}").contains(too_much));
    assert!(refusal(&"a".repeat(1 << 19)).contains(too_much));
    let deep = |n: usize| format!("{}name{}", "{{ ".to_owned() + &"(".repeat(n), ")".repeat(n) + " }}");
    assert!(refusal(&deep(100_000)).contains("nest deeper than 64"));
    assert_eq!(render(&deep(60), &scope()).as_deref(), Ok("podinfo"));
    assert!(refusal(&"{{ if name }}".repeat(100_000)).contains("nest deeper than 64"));
    assert!(refusal(&format!("{{{{ {} }}}}", "a".repeat(9_999))).len() < 500);
    assert!(refusal(&format!("{{{{ lt 1 \"{}\" }}}}", "a".repeat(9_999))).contains("cannot be compared"));
    let chain = "{{ if name }}a".to_owned() + &"{{ else if name }}b".repeat(100_000) + "{{ end }}";
    assert!(refusal(&chain).contains("nest deeper than 64"));
}

/// Pieces of templates in any order: most are refused, each in another way.
fn soup() -> impl Strategy<Value = String> {
    let pieces = vec![
        "{{",
        "}}",
        "{{-",
        "-}}",
        " ",
        "\n",
        "/*",
        "*/",
        "name",
        "variables",
        ".codes",
        ".",
        "$",
        "$x",
        ":=",
        "=",
        "|",
        ",",
        "(",
        ")",
        "if",
        "else",
        "end",
        "range",
        "with",
        "break",
        "print",
        "printf",
        "\"%5.3v\"",
        "\"a",
        "`",
        "'",
        "\\x",
        "1",
        "-3",
        "1e9",
        "0x",
        "and",
        "not",
        "index",
        "slice",
        "eq",
        "é",
        "{{ end }}",
        "{{ if name }}",
        "{{ range 3 }}",
        "{{ $x := variables }}",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn any_text_renders_or_is_refused_at_a_place_inside_it(template in prop_oneof![any::<String>(), soup()]) {
        if let Err(error) = render(&template, &scope()) {
            prop_assert!(error.sentence.chars().count() <= 401, "{error}");
            prop_assert!(error.line <= template.matches('\n').count() + 1, "{error}");
            prop_assert!(error.column <= template.chars().count() + 1, "{error}");
        }
    }

    #[test]
    fn text_without_braces_is_copied(text in "[^{]*") {
        prop_assert_eq!(render(&text, &scope()), Ok(text));
    }

    #[test]
    fn a_variable_reaches_the_query_unchanged(value in any::<String>()) {
        let mut scope = scope();
        scope.variables.insert("any".to_owned(), value.clone());
        prop_assert_eq!(render("{{ variables.any }}", &scope), Ok(value));
    }
}
