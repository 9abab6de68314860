//! The tree of a parsed template.

use super::value::Value;

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Node<'a> {
    Text(&'a str),
    /// `{{ pipeline }}`: printed, unless it sets a variable.
    Action(Pipeline<'a>),
    If(Branches<'a>),
    /// As `If`, with the dot set to the value.
    With(Branches<'a>),
    /// Once for each element, with the dot set to it; otherwise, if there is none.
    Range(Branches<'a>),
    Break,
    Continue,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) struct Branches<'a> {
    pub(super) test: Pipeline<'a>,
    pub(super) then: Vec<Node<'a>>,
    pub(super) otherwise: Vec<Node<'a>>,
}

/// Commands, each of which gets the value of the one before as its last argument.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Pipeline<'a> {
    pub(super) at: usize,
    pub(super) binding: Binding<'a>,
    pub(super) commands: Vec<Command<'a>>,
}

/// Which variable a pipeline sets.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Binding<'a> {
    None,
    /// `$x :=`
    Declare(&'a str),
    /// `$x =`
    Assign(&'a str),
    /// `$key, $element :=` of a range.
    Pair(&'a str, &'a str),
}

/// An operand, or a function with its arguments.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Command<'a> {
    pub(super) first: Operand<'a>,
    pub(super) arguments: Vec<Operand<'a>>,
}

/// A term and the fields that are looked up in it, one in the other.
#[derive(Clone, PartialEq, Debug)]
pub(super) struct Operand<'a> {
    pub(super) at: usize,
    pub(super) term: Term<'a>,
    pub(super) fields: Vec<&'a str>,
}

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Term<'a> {
    Dot,
    Constant(Value<'a>),
    Variable(&'a str),
    Function(&'a str),
    Group(Pipeline<'a>),
}
