//! The first selector of a PromQL query, to tell a person where to look.

use super::shorten;

/// Longer ones are cut.
const LENGTH: usize = 200;

/// The first `metric{…}` of a query, or the query itself where it has no braces.
pub(super) fn first(query: &str) -> String {
    let found = braces(query).and_then(|(open, close)| {
        let name = query.get(..open)?.trim_end();
        let start = name
            .rfind(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':')))
            .map_or(0, |i| i + name.get(i..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8));
        query.get(start..close)
    });
    shorten(found.unwrap_or(query), LENGTH)
}

/// Where the first pair of braces outside of quotes begins and ends.
fn braces(query: &str) -> Option<(usize, usize)> {
    let mut quote = None;
    let mut open = None;
    let mut escaped = false;
    for (index, c) in query.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(q), '\\') if q != '`' => escaped = true,
            (Some(q), c) if c == q => quote = None,
            (Some(_), _) => {}
            (None, '"' | '\'' | '`') => quote = Some(c),
            (None, '{') if open.is_none() => open = Some(index),
            (None, '}') => return open.map(|open| (open, index + 1)),
            (None, _) => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_selector_is_found_whatever_stands_in_its_quotes() {
        let istio = r#"sum(rate(istio_requests_total{app=~"a}b",x="\"}"}[1m])) / sum(rate(other{}[1m]))"#;
        assert_eq!(first(istio), r#"istio_requests_total{app=~"a}b",x="\"}"}"#);
        assert_eq!(first(r#"{__name__="up"}"#), r#"{__name__="up"}"#);
        assert_eq!(first("job:errors:rate5m { a='b' }"), "job:errors:rate5m { a='b' }");
    }

    #[test]
    fn a_query_without_braces_stands_for_itself_and_is_cut() {
        assert_eq!(first("vector(1)"), "vector(1)");
        assert_eq!(first(&"é".repeat(300)).chars().count(), LENGTH + 1);
        assert_eq!(first("a\n  {x='1'"), "a {x='1'");
    }
}
