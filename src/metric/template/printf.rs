//! Go's Sprintf for the values of a query: verbs v s q d t x X o b f F e g, with flags, width and precision.

use super::value::Value;

/// The widest padding and the longest fraction that a verb may ask for.
const WIDEST: usize = 256;

#[derive(Default)]
struct Verb {
    minus: bool,
    plus: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
}

/// `Err` is a sentence; Go would print its complaint into the query instead.
pub(super) fn printf(format: &str, values: &[Value<'_>]) -> Result<String, String> {
    let mut out = String::new();
    let mut values = values.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut verb = Verb::default();
        while let Some(flag) = chars.next_if(|c| matches!(c, '-' | '+' | '0')) {
            match flag {
                '-' => verb.minus = true,
                '+' => verb.plus = true,
                _ => verb.zero = true,
            }
        }
        verb.width = digits(&mut chars)?;
        if chars.next_if_eq(&'.').is_some() {
            verb.precision = Some(digits(&mut chars)?);
        }
        match chars.next() {
            Some('%') => out.push('%'),
            Some(letter) => {
                let value = values.next().ok_or_else(|| format!("printf has no value for %{letter}"))?;
                out.push_str(&verb.write(letter, value)?);
            }
            None => return Err("printf's format ends within a verb; write %% for a percent sign".to_owned()),
        }
    }
    match values.next() {
        Some(extra) => Err(format!("printf has no verb for {}", extra.describe())),
        None => Ok(out),
    }
}

fn digits(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<usize, String> {
    let mut number = 0;
    while let Some(digit) = chars.next_if(char::is_ascii_digit).and_then(|c| c.to_digit(10)) {
        number = number * 10 + digit as usize;
        if number > WIDEST {
            return Err(format!("printf's widths and precisions end at {WIDEST}"));
        }
    }
    Ok(number)
}

impl Verb {
    fn write(&self, letter: char, value: &Value<'_>) -> Result<String, String> {
        let text = match (letter, value) {
            ('v', Value::Real(x)) => self.signed(general(*x, self.precision)),
            ('v' | 'd', Value::Whole(n)) => self.signed(n.to_string()),
            ('v' | 's', Value::Text(text)) => self.cut(text),
            ('v', other) => other.to_string(),
            ('s', Value::Map(_)) => value.to_string(),
            ('q', Value::Text(text)) => quote(&self.cut(text)),
            ('t', Value::Bool(b)) => b.to_string(),
            ('x', Value::Whole(n)) => self.based(*n, format!("{:x}", n.unsigned_abs())),
            ('X', Value::Whole(n)) => self.based(*n, format!("{:X}", n.unsigned_abs())),
            ('o', Value::Whole(n)) => self.based(*n, format!("{:o}", n.unsigned_abs())),
            ('b', Value::Whole(n)) => self.based(*n, format!("{:b}", n.unsigned_abs())),
            ('x', Value::Text(text)) => text.bytes().map(|b| format!("{b:02x}")).collect(),
            ('f' | 'F', Value::Real(x)) => self.signed(format!("{x:.*}", self.precision.unwrap_or(6))),
            ('e', Value::Real(x)) => self.signed(exponent(&format!("{x:.*e}", self.precision.unwrap_or(6)))),
            ('g', Value::Real(x)) => self.signed(general(*x, self.precision)),
            (letter, value) => return Err(format!("printf cannot write {} with %{letter}", value.describe())),
        };
        Ok(self.pad(text))
    }

    fn signed(&self, number: String) -> String {
        if self.plus && !number.starts_with('-') { format!("+{number}") } else { number }
    }

    fn based(&self, n: i64, digits: String) -> String {
        self.signed(if n < 0 { format!("-{digits}") } else { digits })
    }

    fn cut(&self, text: &str) -> String {
        text.chars().take(self.precision.unwrap_or(usize::MAX)).collect()
    }

    fn pad(&self, text: String) -> String {
        let missing = self.width.saturating_sub(text.chars().count());
        if self.minus {
            return text + &" ".repeat(missing);
        }
        if !self.zero {
            return " ".repeat(missing) + &text;
        }
        let digits = text.trim_start_matches(['-', '+']);
        let sign = text.strip_suffix(digits).unwrap_or_default();
        format!("{sign}{}{digits}", "0".repeat(missing))
    }
}

/// As Go shows a number by itself: the fewest digits that read back equal.
pub(super) fn shortest(x: f64) -> String {
    general(x, None)
}

/// Go's %g: plain up to the sixth digit (or the precision), with an exponent beyond.
fn general(x: f64, precision: Option<usize>) -> String {
    let significant = precision.map(|p| p.max(1));
    let scientific = match significant {
        Some(p) => format!("{x:.*e}", p - 1),
        None => format!("{x:e}"),
    };
    let Some((_, power)) = scientific.split_once('e') else { return scientific };
    let power: i32 = power.parse().unwrap_or(0);
    let limit = i32::try_from(significant.unwrap_or(6)).unwrap_or(i32::MAX);
    if power < -4 || power >= limit {
        return exponent(&trim(&scientific));
    }
    match significant {
        Some(p) => trim(&format!("{x:.*}", usize::try_from(i32::try_from(p).unwrap_or(0) - 1 - power).unwrap_or(0))),
        None => x.to_string(),
    }
}

/// Without the zeros at the end of the fraction.
fn trim(number: &str) -> String {
    let (mantissa, rest) = number.split_once('e').map_or((number, String::new()), |(m, e)| (m, format!("e{e}")));
    if mantissa.contains('.') {
        return mantissa.trim_end_matches('0').trim_end_matches('.').to_owned() + &rest;
    }
    mantissa.to_owned() + &rest
}

/// `1.5e3` as Go writes it: `1.5e+03`.
fn exponent(scientific: &str) -> String {
    let Some((mantissa, power)) = scientific.split_once('e') else { return scientific.to_owned() };
    let (sign, digits) = power.strip_prefix('-').map_or(('+', power), |digits| ('-', digits));
    format!("{mantissa}e{sign}{digits:0>2}")
}

fn quote(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}
