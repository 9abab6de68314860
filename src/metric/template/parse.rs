//! Tokens into a tree: every block closed, every function and variable known.

use super::Fault;
use super::function;
use super::lex::{Kind, Token};
use super::tree::{Binding, Branches, Command, Node, Operand, Pipeline, Term};
use super::value::Value;

/// How deep blocks and parentheses may nest; nobody's query comes near.
const DEPTH: usize = 64;

pub(super) fn parse(tokens: Vec<Token<'_>>) -> Result<Vec<Node<'_>>, Fault> {
    let mut parser = Parser { tokens, next: 0, variables: vec!["$"], loops: 0, depth: 0 };
    match parser.block()? {
        (nodes, Stop::Template) => Ok(nodes),
        (_, Stop::End(at) | Stop::Else(at)) => {
            Err(Fault::new(at, "nothing is open here; remove this, or open it with {{ if … }}"))
        }
    }
}

struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    /// Names in sight, innermost last.
    variables: Vec<&'a str>,
    /// Ranges that are open.
    loops: usize,
    depth: usize,
}

/// What ended a block.
enum Stop {
    Template,
    End(usize),
    Else(usize),
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&Token<'a>> {
        self.tokens.get(self.next)
    }

    fn take(&mut self) -> Option<Token<'a>> {
        let token = self.peek().cloned();
        self.next += 1;
        token
    }

    /// The kinds of the next two tokens, for the few places that must look ahead.
    fn ahead(&self) -> (Option<&Kind<'a>>, Option<&Kind<'a>>) {
        (self.peek().map(|t| &t.kind), self.tokens.get(self.next + 1).map(|t| &t.kind))
    }

    /// Where the next token is; at the end, where the last one was.
    fn at(&self) -> usize {
        self.peek().or(self.tokens.last()).map_or(0, |t| t.at)
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Fault::new(self.at(), format!("blocks and parentheses nest deeper than {DEPTH}")));
        }
        let parsed = inner(self);
        self.depth -= 1;
        parsed
    }

    fn block(&mut self) -> Result<(Vec<Node<'a>>, Stop), Fault> {
        let mut nodes = Vec::new();
        while let Some(token) = self.take() {
            if let Kind::Text(text) = token.kind {
                nodes.push(Node::Text(text));
                continue;
            }
            match self.peek().map(|t| (t.at, t.kind.clone())) {
                Some((at, Kind::Word("end"))) => {
                    self.next += 1;
                    self.close()?;
                    return Ok((nodes, Stop::End(at)));
                }
                Some((at, Kind::Word("else"))) => {
                    self.next += 1;
                    return Ok((nodes, Stop::Else(at)));
                }
                Some((at, Kind::Word(word))) if is_keyword(word) => nodes.push(self.control(at, word)?),
                _ => {
                    nodes.push(Node::Action(self.pipeline()?));
                    self.close()?;
                }
            }
        }
        Ok((nodes, Stop::Template))
    }

    /// A keyword's action and everything to its `{{ end }}`.
    fn control(&mut self, at: usize, word: &'a str) -> Result<Node<'a>, Fault> {
        self.next += 1;
        match word {
            "if" => self.branches(at, word).map(Node::If),
            "with" => self.branches(at, word).map(Node::With),
            "range" => self.branches(at, word).map(Node::Range),
            "break" | "continue" => {
                if self.loops == 0 {
                    return Err(Fault::new(at, format!("{word} stands outside of any {{{{ range … }}}}")));
                }
                self.close()?;
                Ok(if word == "break" { Node::Break } else { Node::Continue })
            }
            _ => Err(Fault::new(at, format!("{word} is not served in queries; write the query in one piece"))),
        }
    }

    fn branches(&mut self, at: usize, word: &'a str) -> Result<Branches<'a>, Fault> {
        let outside = self.variables.len();
        let branches = self.deeper(|parser| {
            let test = if word == "range" { parser.range_pipeline()? } else { parser.pipeline()? };
            parser.close()?;
            let inside = parser.variables.len();
            let in_loop = usize::from(word == "range");
            parser.loops += in_loop;
            let (then, stop) = parser.block()?;
            parser.loops -= in_loop;
            parser.variables.truncate(inside);
            let otherwise = match stop {
                Stop::End(_) => Vec::new(),
                Stop::Else(_) => parser.otherwise(at, word)?,
                Stop::Template => return Err(unclosed(at, word)),
            };
            Ok(Branches { test, then, otherwise })
        });
        self.variables.truncate(outside);
        branches
    }

    /// What follows the word `else`: `}}` and a block, or the next test of a chain, whose `end` is that of the chain.
    fn otherwise(&mut self, at: usize, word: &'a str) -> Result<Vec<Node<'a>>, Fault> {
        match self.peek().map(|t| (t.at, t.kind.clone())) {
            Some((next, Kind::Word(again))) if again == word && word != "range" => Ok(vec![self.control(next, again)?]),
            _ => {
                self.close()?;
                match self.block()? {
                    (nodes, Stop::End(_)) => Ok(nodes),
                    (_, Stop::Else(second)) => Err(Fault::new(second, "this block has an else already")),
                    (_, Stop::Template) => Err(unclosed(at, word)),
                }
            }
        }
    }

    fn close(&mut self) -> Result<(), Fault> {
        match self.take() {
            Some(Token { kind: Kind::Close, .. }) => Ok(()),
            other => Err(Fault::new(other.map_or_else(|| self.at(), |t| t.at), "the action must end here; write }}")),
        }
    }

    fn range_pipeline(&mut self) -> Result<Pipeline<'a>, Fault> {
        let at = self.at();
        let (Some(Kind::Variable(key)), Some(Kind::Mark(","))) = self.ahead() else { return self.pipeline() };
        let key = *key;
        self.next += 2;
        match self.ahead() {
            (Some(Kind::Variable(element)), Some(Kind::Mark(":="))) => {
                let binding = Binding::Pair(key, element);
                self.next += 2;
                let commands = self.commands()?;
                self.declare(&binding);
                Ok(Pipeline { at, binding, commands })
            }
            _ => Err(Fault::new(at, "a range over keys is written {{ range $key, $value := … }}")),
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline<'a>, Fault> {
        let at = self.at();
        let binding = match self.ahead() {
            (Some(Kind::Variable(name)), Some(Kind::Mark(":="))) => Binding::Declare(name),
            (Some(Kind::Variable(name)), Some(Kind::Mark("="))) => {
                self.known(at, name)?;
                Binding::Assign(name)
            }
            _ => Binding::None,
        };
        if binding != Binding::None {
            self.next += 2;
        }
        let commands = self.commands()?;
        self.declare(&binding);
        Ok(Pipeline { at, binding, commands })
    }

    fn declare(&mut self, binding: &Binding<'a>) {
        match binding {
            Binding::None | Binding::Assign(_) => {}
            Binding::Declare(name) => self.variables.push(name),
            Binding::Pair(key, element) => self.variables.extend([key, element]),
        }
    }

    fn known(&self, at: usize, name: &str) -> Result<(), Fault> {
        if self.variables.contains(&name) {
            return Ok(());
        }
        Err(Fault::new(at, format!("the variable {name} is not set here; write {{{{ {name} := … }}}} before")))
    }

    fn commands(&mut self) -> Result<Vec<Command<'a>>, Fault> {
        let mut commands = vec![self.command()?];
        while matches!(self.peek(), Some(Token { kind: Kind::Mark("|"), .. })) {
            self.next += 1;
            let command = self.command()?;
            if !command.first.is_call() {
                return Err(Fault::new(command.first.at, "only a function can follow a |"));
            }
            commands.push(command);
        }
        Ok(commands)
    }

    fn command(&mut self) -> Result<Command<'a>, Fault> {
        let Some(first) = self.operand()? else {
            return Err(Fault::new(self.at(), "a value is missing here; write for example {{ target }}"));
        };
        let mut arguments = Vec::new();
        while let Some(token) = self.peek() {
            let (at, spaced) = (token.at, token.spaced);
            let Some(argument) = self.operand()? else { break };
            if !spaced {
                return Err(Fault::new(at, "a space is missing before this"));
            }
            if !first.is_call() {
                return Err(Fault::new(at, "what stands before this takes no arguments: it is no function"));
            }
            arguments.push(argument);
        }
        if first.term == Term::Constant(Value::Nil) {
            return Err(Fault::new(first.at, "nil alone has no value to show"));
        }
        Ok(Command { first, arguments })
    }

    /// The next operand; `None`, with nothing taken, where none begins.
    fn operand(&mut self) -> Result<Option<Operand<'a>>, Fault> {
        let Some(Token { at, kind, .. }) = self.peek().cloned() else { return Ok(None) };
        let mut fields = Vec::new();
        let term = match kind {
            Kind::Word("true") => Term::Constant(Value::Bool(true)),
            Kind::Word("false") => Term::Constant(Value::Bool(false)),
            Kind::Word("nil") => Term::Constant(Value::Nil),
            Kind::Word(name) => Term::Function(function::find(name).map_err(|sentence| Fault::new(at, sentence))?),
            Kind::Variable(name) => {
                self.known(at, name)?;
                Term::Variable(name)
            }
            Kind::Field(name) => {
                fields.push(name);
                Term::Dot
            }
            Kind::Dot => Term::Dot,
            Kind::Constant(value) => Term::Constant(value),
            Kind::Mark("(") => self.group(at)?,
            Kind::Text(_) | Kind::Open | Kind::Close | Kind::Mark(_) => return Ok(None),
        };
        self.next += 1;
        let has_fields = !matches!(term, Term::Constant(_)) && (term != Term::Dot || !fields.is_empty());
        while let Some(Token { kind: Kind::Field(name), spaced: false, at }) = self.peek() {
            if !has_fields {
                return Err(Fault::new(*at, format!("what stands before .{name} has no fields")));
            }
            fields.push(name);
            self.next += 1;
        }
        Ok(Some(Operand { at, term, fields }))
    }

    /// A pipeline in parentheses; stops at the closing one.
    fn group(&mut self, at: usize) -> Result<Term<'a>, Fault> {
        self.next += 1;
        let pipeline = self.deeper(Self::pipeline)?;
        match self.peek() {
            Some(Token { kind: Kind::Mark(")"), .. }) => Ok(Term::Group(pipeline)),
            _ => Err(Fault::new(at, "the parenthesis that begins here is not closed; write )")),
        }
    }
}

impl Operand<'_> {
    /// Whether it can take arguments.
    fn is_call(&self) -> bool {
        matches!(self.term, Term::Function(_)) && self.fields.is_empty()
    }
}

fn is_keyword(word: &str) -> bool {
    matches!(word, "if" | "with" | "range" | "break" | "continue" | "define" | "template" | "block")
}

fn unclosed(at: usize, word: &str) -> Fault {
    Fault::new(at, format!("the {word} that begins here is not closed; write {{{{ end }}}}"))
}
