//! The tree into text.

use super::function;
use super::tree::{Binding, Branches, Command, Node, Operand, Pipeline, Term};
use super::value::Value;
use super::{Fault, Scope};

/// What one rendering may cost: a unit for each operand and each byte that is read or written. A real query costs some hundred.
const BUDGET: usize = 1 << 18;

pub(super) fn run(nodes: &[Node<'_>], scope: &Scope) -> Result<String, Fault> {
    let mut machine = Machine { scope, variables: vec![("$", Value::Nil)], out: String::new(), left: BUDGET };
    machine.block(nodes, &Value::Nil)?;
    Ok(machine.out)
}

struct Machine<'a> {
    scope: &'a Scope,
    /// Innermost last.
    variables: Vec<(&'a str, Value<'a>)>,
    out: String,
    left: usize,
}

/// How a block was left.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    Through,
    Break,
    Continue,
}

impl<'a> Machine<'a> {
    fn spend(&mut self, at: usize, cost: usize) -> Result<(), Fault> {
        let left = self.left.checked_sub(cost);
        self.left =
            left.ok_or_else(|| Fault::new(at, "the template renders too much text or runs too long; shorten it"))?;
        Ok(())
    }

    fn print(&mut self, at: usize, text: &str) -> Result<(), Fault> {
        self.spend(at, text.len())?;
        self.out.push_str(text);
        Ok(())
    }

    fn block(&mut self, nodes: &'a [Node<'a>], dot: &Value<'a>) -> Result<Flow, Fault> {
        for node in nodes {
            let flow = match node {
                Node::Text(text) => self.print(0, text).map(|()| Flow::Through)?,
                Node::Action(pipeline) => self.action(pipeline, dot)?,
                Node::If(branches) => self.choose(branches, dot, Dot::Stays)?,
                Node::With(branches) => self.choose(branches, dot, Dot::IsTheValue)?,
                Node::Range(branches) => self.range(branches, dot)?,
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
            };
            if flow != Flow::Through {
                return Ok(flow);
            }
        }
        Ok(Flow::Through)
    }

    fn action(&mut self, pipeline: &'a Pipeline<'a>, dot: &Value<'a>) -> Result<Flow, Fault> {
        let value = self.pipeline(pipeline, dot)?;
        match (&pipeline.binding, value) {
            (Binding::None, Value::Nil) => self.print(pipeline.at, "<no value>")?,
            (Binding::None, value) => self.print(pipeline.at, &value.to_string())?,
            _ => {}
        }
        Ok(Flow::Through)
    }

    fn choose(&mut self, branches: &'a Branches<'a>, dot: &Value<'a>, then: Dot) -> Result<Flow, Fault> {
        let outside = self.variables.len();
        let value = self.pipeline(&branches.test, dot)?;
        let flow = match (value.is_true(), then) {
            (false, _) => self.block(&branches.otherwise, dot),
            (true, Dot::Stays) => self.block(&branches.then, dot),
            (true, Dot::IsTheValue) => self.block(&branches.then, &value),
        };
        self.variables.truncate(outside);
        flow
    }

    fn range(&mut self, branches: &'a Branches<'a>, dot: &Value<'a>) -> Result<Flow, Fault> {
        let Pipeline { at, binding, commands } = &branches.test;
        let elements: Box<dyn Iterator<Item = (Value<'a>, Value<'a>)>> = match self.commands(commands, dot)? {
            Value::Nil => Box::new(std::iter::empty()),
            Value::Map(map) => Box::new(map.iter().map(|(k, v)| (Value::Text(k.clone()), Value::Text(v.clone())))),
            Value::Whole(n) if !matches!(binding, Binding::Pair(..)) => {
                Box::new((0..n).map(|i| (Value::Whole(i), Value::Whole(i))))
            }
            other => return Err(Fault::new(*at, format!("{} cannot be ranged over like this", other.describe()))),
        };
        let mut empty = true;
        for (key, element) in elements {
            empty = false;
            self.spend(*at, 1)?;
            let outside = self.variables.len();
            match binding {
                Binding::Pair(key_name, name) => {
                    self.variables.extend([(*key_name, key), (*name, element.clone())]);
                }
                other => self.bind(other, &element),
            }
            let flow = self.block(&branches.then, &element)?;
            self.variables.truncate(outside);
            if flow == Flow::Break {
                break;
            }
        }
        if empty { self.block(&branches.otherwise, dot) } else { Ok(Flow::Through) }
    }

    fn pipeline(&mut self, pipeline: &'a Pipeline<'a>, dot: &Value<'a>) -> Result<Value<'a>, Fault> {
        let value = self.commands(&pipeline.commands, dot)?;
        self.bind(&pipeline.binding, &value);
        Ok(value)
    }

    fn bind(&mut self, binding: &Binding<'a>, value: &Value<'a>) {
        match binding {
            Binding::Declare(name) => self.variables.push((name, value.clone())),
            Binding::Assign(name) => {
                if let Some((_, slot)) = self.variables.iter_mut().rev().find(|(n, _)| n == name) {
                    *slot = value.clone();
                }
            }
            Binding::None | Binding::Pair(..) => {}
        }
    }

    fn commands(&mut self, commands: &'a [Command<'a>], dot: &Value<'a>) -> Result<Value<'a>, Fault> {
        let mut value = None;
        for command in commands {
            value = Some(match command.first.term {
                Term::Function(name) if command.first.fields.is_empty() => self.call(name, command, value, dot)?,
                _ => self.operand(&command.first, dot)?,
            });
        }
        Ok(value.unwrap_or(Value::Nil))
    }

    fn call(
        &mut self,
        name: &str,
        command: &'a Command<'a>,
        piped: Option<Value<'a>>,
        dot: &Value<'a>,
    ) -> Result<Value<'a>, Fault> {
        let at = command.first.at;
        let mut arguments = Vec::new();
        for argument in &command.arguments {
            let value = self.operand(argument, dot)?;
            if function::decides(name, &value) {
                return Ok(value);
            }
            arguments.push(value);
        }
        arguments.extend(piped);
        let value = function::call(name, &arguments, self.scope).map_err(|sentence| Fault::new(at, sentence))?;
        self.charge(at, value)
    }

    fn operand(&mut self, operand: &'a Operand<'a>, dot: &Value<'a>) -> Result<Value<'a>, Fault> {
        let at = operand.at;
        let mut value = match &operand.term {
            Term::Dot => dot.clone(),
            Term::Constant(value) => value.clone(),
            Term::Variable(name) => {
                self.variables.iter().rev().find(|(n, _)| n == name).map_or(Value::Nil, |(_, value)| value.clone())
            }
            Term::Function(name) => {
                function::call(name, &[], self.scope).map_err(|sentence| Fault::new(at, sentence))?
            }
            Term::Group(pipeline) => self.pipeline(pipeline, dot)?,
        };
        for field in &operand.fields {
            value = function::field(&value, field).map_err(|sentence| Fault::new(at, sentence))?;
        }
        self.charge(at, value)
    }

    fn charge(&mut self, at: usize, value: Value<'a>) -> Result<Value<'a>, Fault> {
        let size = if let Value::Text(text) = &value { text.len() } else { 0 };
        self.spend(at, 1 + size)?;
        Ok(value)
    }
}

/// What the dot is inside a block.
#[derive(Clone, Copy)]
enum Dot {
    Stays,
    IsTheValue,
}
