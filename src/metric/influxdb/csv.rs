//! InfluxDB's annotated CSV: tables that begin with a row of types and a row of names.

use super::super::answer::{Found, no_number};
use super::super::shorten;
use super::WHO;

const NUMBERS: &[&str] = &["double", "long", "unsignedLong"];

/// The `_value` of the one row.
pub(super) fn value(text: &str) -> Found {
    let mut table = Table::default();
    let mut rows: Vec<(String, String)> = Vec::new();
    for line in records(text) {
        if line.first().is_some_and(|first| first.starts_with('#')) {
            table = Table { types: line, names: Vec::new() };
        } else if table.names.is_empty() {
            if !line.iter().any(|name| ["_value", "error"].contains(&name.as_str())) {
                return Err(no_value(&line));
            }
            table.names = line;
        } else if let Some(error) = table.cell(&line, "error") {
            return Err(format!("{WHO} says {}", shorten(error, 300)));
        } else if let Some(value) = table.cell(&line, "_value") {
            rows.push((table.cell(&table.types, "_value").unwrap_or("double").to_owned(), value.to_owned()));
        } else {
            return Err(no_value(&line));
        }
    }
    match rows.as_slice() {
        [] => Ok(None),
        [(_, value)] if value.is_empty() => Ok(None),
        [(kind, value)] => {
            let number = value.parse().ok().filter(|_| NUMBERS.contains(&kind.as_str()));
            number.map(Some).ok_or_else(|| no_number(WHO, &value.as_str().into()))
        }
        many => Err(format!("the query gives {} rows and a KPI is one; end it with |> group() |> last()", many.len())),
    }
}

fn no_value(columns: &[String]) -> String {
    let columns = shorten(&columns.join(","), 40);
    format!(
        "the answer is not one of {WHO}, or its rows have no _value, but {columns}; correct the address or keep the column"
    )
}

/// What stands above the rows of a table.
#[derive(Default)]
struct Table {
    types: Vec<String>,
    names: Vec<String>,
}

impl Table {
    fn cell<'a>(&self, line: &'a [String], name: &str) -> Option<&'a str> {
        let column = self.names.iter().position(|known| known == name)?;
        line.get(column).map(String::as_str)
    }
}

/// The lines in their cells; an empty line ends a table and is none.
fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut line, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => line.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                line.push(std::mem::take(&mut cell));
                records.push(std::mem::take(&mut line));
            }
            other => cell.push(other),
        }
    }
    line.push(cell);
    records.push(line);
    records.retain(|line| line.iter().any(|cell| !cell.is_empty()));
    records
}
