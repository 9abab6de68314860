//! Query templates in the language of Go's text/template, as MetricTemplates are written in it.
//!
//! Total: every input gives a text, or an error with its line and column, in bounded time, depth and size. Never a method call,
//! a nested `define`, or a function that reads anything outside its [`Scope`].

mod eval;
mod function;
mod lex;
mod parse;
mod printf;
mod tree;
mod value;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use super::shorten;

/// What the functions of a query give: `{{ name }}`, `{{ namespace }}` and so on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scope {
    /// Name of the Canary.
    pub name: String,
    /// Namespace of the Canary.
    pub namespace: String,
    /// Name of the target.
    pub target: String,
    /// Names of the target's pods, as a regular expression.
    pub pods: String,
    /// Name of the apex Service.
    pub service: String,
    /// Name of the Ingress; the target's where the Canary has none.
    pub ingress: String,
    /// Name of the route; the target's where the Canary has none.
    pub route: String,
    /// The window of the query (`1m`).
    pub interval: String,
    /// `templateVariables` of the metric.
    pub variables: BTreeMap<String, String>,
}

/// Why a template does not render.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("line {line}, column {column}: {sentence}")]
pub struct TemplateError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong there and what to write.
    pub sentence: String,
}

/// Renders `template` with the functions of `scope`.
pub fn render(template: &str, scope: &Scope) -> Result<String, TemplateError> {
    let rendered = lex::tokens(template).and_then(parse::parse).and_then(|nodes| eval::run(&nodes, scope));
    rendered.map_err(|fault| fault.locate(template))
}

/// The longest sentence of an error, in characters: names in it come from the template.
const SENTENCE: usize = 400;

/// An error at a byte of the template.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Fault {
    at: usize,
    sentence: String,
}

impl Fault {
    fn new(at: usize, sentence: impl Into<String>) -> Self {
        Self { at, sentence: sentence.into() }
    }

    fn locate(self, template: &str) -> TemplateError {
        let before = template.get(..self.at).unwrap_or(template);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        TemplateError { line, column, sentence: shorten(&self.sentence, SENTENCE) }
    }
}
