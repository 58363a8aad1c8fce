//! The tree that an expression is; macros (`has`, `all`, `map`, ...) have nodes of their own.
//!
//! Models google/cel-go common/ast, parser/macro.go and the macros of ext/{comprehensions,lists}.go.

use super::Fault;
use super::value::Val;

/// A part of an expression, and where messages about it point.
#[derive(Debug)]
pub(super) struct Expr {
    pub(super) at: usize,
    pub(super) node: Node,
    /// How many parts stand in one another.
    pub(super) depth: usize,
}

/// What a part is.
#[derive(Debug)]
pub(super) enum Node {
    Literal(Val),
    Name(String),
    /// `a.b`; with `optional`, `a.?b`.
    Select {
        of: Box<Expr>,
        field: String,
        optional: bool,
    },
    /// `has(a.b)`
    Has {
        of: Box<Expr>,
        field: String,
    },
    Call {
        name: String,
        receiver: Option<Box<Expr>>,
        arguments: Vec<Expr>,
    },
    /// Elements, and whether each is there only when its optional holds something.
    List(Vec<(bool, Expr)>),
    /// The same with keys; messages point at the colon.
    Map(Vec<(bool, Expr, Expr)>),
    /// `Name{...}`, of which there are none.
    Message(String),
    Fold(Box<Fold>),
    /// `a.optMap(v, b)` and, `flat`, `a.optFlatMap(v, b)`.
    OptionalMap {
        of: Box<Expr>,
        variable: String,
        body: Box<Expr>,
        flat: bool,
    },
}

/// Which macro goes through a list or a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Macro {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
    TransformList,
    TransformMap,
    TransformMapEntry,
    SortBy,
}

/// Such a macro with its parts.
#[derive(Debug)]
pub(super) struct Fold {
    pub(super) kind: Macro,
    pub(super) range: Expr,
    /// One or two.
    pub(super) variables: Vec<String>,
    /// Which elements count; for `all` and its kin what is asked of each.
    pub(super) condition: Option<Expr>,
    /// What is made of each.
    pub(super) result: Option<Expr>,
}

impl Expr {
    /// Gives each part of this one to somebody.
    pub(super) fn each<'a>(&'a self, with: &mut dyn FnMut(&'a Expr)) {
        match &self.node {
            Node::Literal(_) | Node::Name(_) | Node::Message(_) => {}
            Node::Select { of, .. } | Node::Has { of, .. } => with(of),
            Node::Call { receiver, arguments, .. } => {
                receiver.iter().for_each(|one| with(one));
                arguments.iter().for_each(with);
            }
            Node::List(items) => items.iter().for_each(|(_, one)| with(one)),
            Node::Map(entries) => entries.iter().for_each(|(_, key, value)| {
                with(key);
                with(value);
            }),
            Node::Fold(fold) => {
                with(&fold.range);
                fold.condition.iter().chain(&fold.result).for_each(with);
            }
            Node::OptionalMap { of, body, .. } => {
                with(of);
                with(body);
            }
        }
    }
}

/// The macro that a call is.
pub(super) fn macro_of(name: &str, count: usize) -> Option<Macro> {
    Some(match (name, count) {
        ("all", 2 | 3) => Macro::All,
        ("exists", 2 | 3) => Macro::Exists,
        ("exists_one", 2 | 3) | ("existsOne", 3) => Macro::ExistsOne,
        ("filter", 2) => Macro::Filter,
        ("map", 2 | 3) => Macro::Map,
        ("transformList", 3 | 4) => Macro::TransformList,
        ("transformMap", 3 | 4) => Macro::TransformMap,
        ("transformMapEntry", 3 | 4) => Macro::TransformMapEntry,
        ("sortBy", 2) => Macro::SortBy,
        _ => return None,
    })
}

/// The name of a variable that a macro makes.
pub(super) fn simple_name(expression: Expr) -> Result<String, Fault> {
    match expression.node {
        Node::Name(name) => Ok(name),
        _ => Err(Fault::new(expression.at, "argument must be a simple name".to_owned())),
    }
}

/// A macro with its arguments.
pub(super) fn fold(kind: Macro, name: &str, range: Expr, mut arguments: Vec<Expr>) -> Result<Fold, Fault> {
    let two = name.starts_with("transform") || (kind != Macro::Map && arguments.len() == 3);
    let rest = arguments.split_off(if two { 2 } else { 1 });
    let variables = arguments.into_iter().map(simple_name).collect::<Result<Vec<_>, _>>()?;
    let mut rest = rest.into_iter();
    let (first, second) = (rest.next(), rest.next());
    let asks = matches!(kind, Macro::All | Macro::Exists | Macro::ExistsOne | Macro::Filter);
    let (condition, result) = match second {
        Some(result) => (first, Some(result)),
        None if asks => (first, None),
        None => (None, first),
    };
    Ok(Fold { kind, range, variables, condition, result })
}
