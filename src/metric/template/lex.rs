//! Template text into tokens: trim markers applied, comments dropped, constants read.

use super::Fault;
use super::value::Value;

/// A token and where it begins.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Token<'a> {
    pub(super) at: usize,
    /// Whether white space stands before it; `a .b` is two operands, `a.b` is one.
    pub(super) spaced: bool,
    pub(super) kind: Kind<'a>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Kind<'a> {
    /// Copied to the output.
    Text(&'a str),
    /// `{{`
    Open,
    /// `}}`
    Close,
    /// A function or a keyword.
    Word(&'a str),
    /// `.name`, without the dot.
    Field(&'a str),
    /// `$` or `$name`, with the dollar sign.
    Variable(&'a str),
    /// A string, character or number.
    Constant(Value<'a>),
    /// `.`
    Dot,
    /// One of `( ) | , := =`
    Mark(&'static str),
}

const SPACE: [char; 4] = [' ', '\t', '\r', '\n'];
const UNKNOWN_ESCAPE: &str = "this escape is not known; write \\\\ for a backslash, or `…` for raw text";
const MARKS: [&str; 6] = [":=", "=", "(", ")", "|", ","];

pub(super) fn tokens(source: &str) -> Result<Vec<Token<'_>>, Fault> {
    let mut lexer = Lexer { source, at: 0, tokens: Vec::new() };
    let mut trim = false;
    while lexer.text(trim) {
        trim = lexer.action()?;
    }
    Ok(lexer.tokens)
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    tokens: Vec<Token<'a>>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, at: usize, spaced: bool, kind: Kind<'a>) {
        self.tokens.push(Token { at, spaced, kind });
    }

    /// Text up to the next action, trimmed as the markers on both sides ask. False at the end of the template.
    fn text(&mut self, trim_start: bool) -> bool {
        let (at, rest) = (self.at, self.rest());
        let (mut text, action) = match rest.split_once("{{") {
            Some((text, action)) => (text, Some(action)),
            None => (rest, None),
        };
        self.at = at + text.len();
        if action.is_some_and(opens_trimmed) {
            text = text.trim_end_matches(SPACE);
        }
        if trim_start {
            text = text.trim_start_matches(SPACE);
        }
        if !text.is_empty() {
            self.push(at, false, Kind::Text(text));
        }
        action.is_some()
    }

    /// One action, from `{{` to `}}`. Says whether the text behind it is trimmed.
    fn action(&mut self) -> Result<bool, Fault> {
        let open = self.at;
        self.at += 2;
        let trimmed = opens_trimmed(self.rest());
        if trimmed {
            self.at += 2;
        }
        if self.rest().starts_with("/*") {
            return self.comment(open);
        }
        self.push(open, false, Kind::Open);
        loop {
            let before = self.rest();
            let rest = before.trim_start_matches(SPACE);
            let spaced = trimmed || rest.len() < before.len();
            self.at += before.len() - rest.len();
            if spaced && rest.starts_with("-}}") {
                self.push(self.at, spaced, Kind::Close);
                self.at += 3;
                return Ok(true);
            }
            if rest.starts_with("}}") {
                self.push(self.at, spaced, Kind::Close);
                self.at += 2;
                return Ok(false);
            }
            self.token(spaced, open)?;
        }
    }

    fn comment(&mut self, open: usize) -> Result<bool, Fault> {
        let unclosed = || Fault::new(open, "a comment is not closed; write */}} or */ -}} behind it");
        let (comment, behind) = self.rest().split_once("*/").ok_or_else(unclosed)?;
        self.at += comment.len() + 2;
        let trimmed = behind.strip_prefix(SPACE).is_some_and(|b| b.starts_with("-}}"));
        if !trimmed && !behind.starts_with("}}") {
            return Err(Fault::new(
                open,
                "a comment must fill its braces; write {{/* … */}}, with nothing else inside",
            ));
        }
        self.at += if trimmed { 4 } else { 2 };
        Ok(trimmed)
    }

    fn token(&mut self, spaced: bool, open: usize) -> Result<(), Fault> {
        let (at, rest) = (self.at, self.rest());
        let mut chars = rest.chars();
        let Some(first) = chars.next() else {
            return Err(Fault::new(open, "the action that begins here is not closed; write }}"));
        };
        let behind = chars.as_str();
        let kind = match first {
            '"' | '`' | '\'' => self.quoted(first)?,
            '$' => Kind::Variable(self.take(1 + word(behind).len())),
            '.' if behind.starts_with(|c: char| c.is_ascii_digit()) => self.number()?,
            '.' => match word(behind) {
                "" => {
                    self.at += 1;
                    Kind::Dot
                }
                name => {
                    self.at += 1 + name.len();
                    Kind::Field(name)
                }
            },
            '+' | '-' | '0'..='9' => self.number()?,
            c if is_word(c) => Kind::Word(self.take(word(rest).len())),
            c => match MARKS.into_iter().find(|mark| rest.starts_with(mark)) {
                Some(mark) => {
                    self.at += mark.len();
                    Kind::Mark(mark)
                }
                None => {
                    return Err(Fault::new(at, format!("{c:?} has no meaning here; text in quotes is written \"…\"")));
                }
            },
        };
        self.push(at, spaced, kind);
        Ok(())
    }

    fn take(&mut self, length: usize) -> &'a str {
        let taken = self.rest().get(..length).unwrap_or_default();
        self.at += taken.len();
        taken
    }

    fn number(&mut self) -> Result<Kind<'a>, Fault> {
        let at = self.at;
        let mut before = ' ';
        let end = self.rest().find(|c: char| {
            let sign = matches!(c, '+' | '-') && matches!(before, ' ' | 'e' | 'E' | 'p' | 'P');
            before = c;
            !(sign || is_word(c) || c == '.')
        });
        let text = self.take(end.unwrap_or(self.rest().len()));
        match number(text) {
            Some(value) => Ok(Kind::Constant(value)),
            None => Err(Fault::new(at, format!("{text:?} is no number; text in quotes is written \"…\""))),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<Kind<'a>, Fault> {
        let at = self.at;
        self.at += 1;
        let rest = self.rest();
        let mut text = String::new();
        let mut chars = rest.char_indices();
        while let Some((index, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.at += index + 1;
                    return constant(quote, text, at);
                }
                '\n' if quote != '`' => break,
                '\\' if quote != '`' => {
                    let meant = escape(&mut chars.by_ref().map(|(_, c)| c), quote);
                    text.push(meant.ok_or_else(|| Fault::new(at + 1 + index, UNKNOWN_ESCAPE))?);
                }
                c => text.push(c),
            }
        }
        Err(Fault::new(at, format!("the text that begins here is not closed; write {quote} behind it")))
    }
}

fn constant<'a>(quote: char, text: String, at: usize) -> Result<Kind<'a>, Fault> {
    let mut chars = text.chars();
    match (quote, chars.next(), chars.next()) {
        ('\'', Some(c), None) => Ok(Kind::Constant(Value::Whole(i64::from(u32::from(c))))),
        ('\'', ..) => Err(Fault::new(at, "'…' holds one character; text is written \"…\"")),
        _ => Ok(Kind::Constant(Value::Text(text))),
    }
}

/// The character that an escape means, its backslash already read.
fn escape(chars: &mut impl Iterator<Item = char>, quote: char) -> Option<char> {
    match chars.next()? {
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        'v' => Some('\u{b}'),
        '\\' => Some('\\'),
        'x' => code(chars, None, 2, 16).filter(char::is_ascii),
        'u' => code(chars, None, 4, 16),
        'U' => code(chars, None, 8, 16),
        digit @ '0'..='7' => code(chars, Some(digit), 2, 8).filter(char::is_ascii),
        c => (c == quote).then_some(c),
    }
}

/// The character whose number is written in the next `digits` digits.
fn code(chars: &mut impl Iterator<Item = char>, first: Option<char>, digits: usize, radix: u32) -> Option<char> {
    let wanted = digits + usize::from(first.is_some());
    let text: String = first.into_iter().chain(chars.take(digits)).collect();
    let whole = text.len() == wanted && text.chars().all(|c| c.is_digit(radix));
    u32::from_str_radix(&text, radix).ok().filter(|_| whole).and_then(char::from_u32)
}

/// A number in Go's syntax; `None` for what is none, does not fit, or is written in hexadecimal with a fraction.
fn number(text: &str) -> Option<Value<'static>> {
    let plain = text.replace('_', "");
    let (sign, digits) = match plain.strip_prefix(['+', '-']) {
        Some(digits) if plain.starts_with('-') => ("-", digits),
        Some(digits) => ("", digits),
        None => ("", plain.as_str()),
    };
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, digits.get(2..)?),
        Some("0o" | "0O") => (8, digits.get(2..)?),
        Some("0b" | "0B") => (2, digits.get(2..)?),
        Some(pair) if pair.starts_with('0') && digits.chars().all(|c| c.is_ascii_digit()) => (8, digits),
        _ => (10, digits),
    };
    if digits.chars().all(|c| c.is_digit(radix)) {
        return i64::from_str_radix(&format!("{sign}{digits}"), radix).ok().map(Value::Whole);
    }
    let decimal = radix == 10 && digits.chars().all(|c| matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'));
    let value: f64 = format!("{sign}{digits}").parse().ok()?;
    (decimal && value.is_finite()).then_some(Value::Real(value))
}

fn opens_trimmed(action: &str) -> bool {
    action.strip_prefix('-').is_some_and(|behind| behind.starts_with(SPACE))
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// The letters, digits and underscores that `text` begins with.
fn word(text: &str) -> &str {
    text.split(|c| !is_word(c)).next().unwrap_or_default()
}
