//! The types of CEL, and when one may stand where another is wanted.
//!
//! Models google/cel-go checker/{types,mapping,format}.go, the version in Kubernetes 1.36. Knows no protocol buffers.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// What is known of a value before it is there.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// Anything.
    Dyn,
    /// What an error left behind; fits everywhere, so that one mistake is told once.
    Error,
    /// `null`
    Null,
    /// `true`, `false`
    Bool,
    /// A whole number of 64 bits.
    Int,
    /// One without a sign.
    Uint,
    /// A floating-point number.
    Double,
    /// Text.
    Str,
    /// Bytes.
    Bytes,
    /// A length of time.
    Duration,
    /// A moment.
    Timestamp,
    /// A list of one type.
    List(Arc<Type>),
    /// A map from one type to another.
    Map(Arc<(Type, Type)>),
    /// An object whose fields are known.
    Object(Arc<ObjectType>),
    /// A type of a library: its name and its parameters.
    Opaque(&'static str, Arc<Vec<Type>>),
    /// A type as a value.
    Kind(Option<Arc<Type>>),
    /// A type that is still to be found.
    Var(u32),
}

/// The fields of an object, by their names in CEL.
#[derive(Debug, Default)]
pub struct ObjectType {
    /// What messages call it.
    pub name: String,
    /// What it has.
    pub fields: BTreeMap<String, Type>,
}

impl PartialEq for ObjectType {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

/// The name of the optional type.
pub(super) const OPTIONAL: &str = "optional_type";

impl Type {
    /// A list of these.
    pub fn list(of: Type) -> Type {
        Type::List(Arc::new(of))
    }

    /// A map from these to those.
    pub fn map(key: Type, value: Type) -> Type {
        Type::Map(Arc::new((key, value)))
    }

    /// One of these, or none.
    pub fn optional(of: Type) -> Type {
        Type::Opaque(OPTIONAL, Arc::new(vec![of]))
    }

    /// What an optional holds; `None` when this is none.
    pub(super) fn inside_optional(&self) -> Option<&Type> {
        match self {
            Type::Opaque(OPTIONAL, of) => of.first(),
            _ => None,
        }
    }

    /// Whether nothing more can be said.
    pub(super) const fn is_dyn_or_error(&self) -> bool {
        matches!(self, Type::Dyn | Type::Error)
    }

    fn may_be_null(&self) -> bool {
        matches!(self, Type::Null | Type::Opaque(..) | Type::Object(_) | Type::Duration | Type::Timestamp)
    }

    fn parts(&self) -> Vec<&Type> {
        match self {
            Type::List(of) => vec![of],
            Type::Map(of) => vec![&of.0, &of.1],
            Type::Opaque(_, of) => of.iter().collect(),
            Type::Kind(Some(of)) => vec![of],
            _ => Vec::new(),
        }
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Type::Dyn => "dyn",
            Type::Error => "!error!",
            Type::Null => "null",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Uint => "uint",
            Type::Double => "double",
            Type::Str => "string",
            Type::Bytes => "bytes",
            Type::Duration => "duration",
            Type::Timestamp => "timestamp",
            Type::List(_) => "list",
            Type::Map(_) => "map",
            Type::Object(object) => &object.name,
            Type::Opaque(name, _) => name,
            Type::Kind(_) => "type",
            Type::Var(number) => return write!(f, "_var{number}"),
        };
        f.write_str(name)?;
        let parts: Vec<String> = self.parts().into_iter().map(ToString::to_string).collect();
        if parts.is_empty() { Ok(()) } else { write!(f, "({})", parts.join(", ")) }
    }
}

/// What has been found out about the types that were still to be found.
#[derive(Clone, Debug, Default)]
pub(super) struct Mapping(BTreeMap<u32, Type>);

impl Mapping {
    /// Whether `given` may stand where `wanted` is; what follows for open types is kept when it may.
    pub(super) fn assign(&mut self, given: &Type, wanted: &Type) -> bool {
        self.assign_all(std::slice::from_ref(given), std::slice::from_ref(wanted))
    }

    /// The same for all arguments of a call at once.
    pub(super) fn assign_all(&mut self, given: &[Type], wanted: &[Type]) -> bool {
        let mut tried = self.clone();
        let fits = given.len() == wanted.len() && given.iter().zip(wanted).all(|(a, b)| tried.fits(a, b));
        if fits {
            *self = tried;
        }
        fits
    }

    fn fits(&mut self, a: &Type, b: &Type) -> bool {
        if let Type::Var(open) = b {
            match self.stands_for(a, *open) {
                (true, _) => return true,
                (false, true) => return false,
                (false, false) => {}
            }
        }
        if let Type::Var(open) = a {
            return self.stands_for(b, *open).0;
        }
        match (a, b) {
            _ if a.is_dyn_or_error() || b.is_dyn_or_error() => true,
            (Type::Null, other) | (other, Type::Null) => other.may_be_null(),
            (Type::Kind(_), Type::Kind(_)) => true,
            (Type::List(a), Type::List(b)) => self.fits(a, b),
            (Type::Map(a), Type::Map(b)) => self.fits(&a.0, &b.0) && self.fits(&a.1, &b.1),
            (Type::Opaque(one, a), Type::Opaque(other, b)) => {
                one == other && a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| self.fits(a, b))
            }
            _ => a == b,
        }
    }

    /// Whether a type fits an open one, and whether that one was known already.
    fn stands_for(&mut self, given: &Type, open: u32) -> (bool, bool) {
        if *given == Type::Var(open) {
            return (true, true);
        }
        let Some(known) = self.0.get(&open).cloned() else {
            let free = !self.occurs(open, given);
            if free {
                self.0.insert(open, given.clone());
            }
            return (free, false);
        };
        if *given == known {
            return (true, true);
        }
        if !self.fits(given, &known) {
            return (false, true);
        }
        let general = more_general(given, &known);
        if !self.occurs(open, &general) {
            self.0.insert(open, general);
        }
        (true, true)
    }

    fn occurs(&self, open: u32, within: &Type) -> bool {
        match within {
            Type::Var(other) => *other == open || self.0.get(other).is_some_and(|known| self.occurs(open, known)),
            _ => within.parts().into_iter().any(|part| self.occurs(open, part)),
        }
    }

    /// The type with all that is known filled in; what is not becomes `dyn` when `close` says so.
    pub(super) fn resolve(&self, of: &Type, close: bool) -> Type {
        let part = |one: &Type| self.resolve(one, close);
        match of {
            Type::Var(open) => match self.0.get(open) {
                Some(known) => self.resolve(known, close),
                None if close => Type::Dyn,
                None => of.clone(),
            },
            Type::List(of) => Type::list(part(of)),
            Type::Map(of) => Type::map(part(&of.0), part(&of.1)),
            Type::Opaque(name, of) => Type::Opaque(name, Arc::new(of.iter().map(part).collect())),
            Type::Kind(Some(of)) => Type::Kind(Some(Arc::new(part(of)))),
            _ => of.clone(),
        }
    }
}

/// The more general of two types that fit each other.
pub(super) fn more_general(a: &Type, b: &Type) -> Type {
    if at_most_as_specific(a, b) { a.clone() } else { b.clone() }
}

fn at_most_as_specific(a: &Type, b: &Type) -> bool {
    match (a, b) {
        (Type::Dyn | Type::Var(_), _) => true,
        (_, Type::Dyn | Type::Var(_)) => false,
        (Type::List(a), Type::List(b)) => at_most_as_specific(a, b),
        (Type::Map(a), Type::Map(b)) => at_most_as_specific(&a.0, &b.0) && at_most_as_specific(&a.1, &b.1),
        (Type::Opaque(one, a), Type::Opaque(other, b)) => {
            one == other && a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| at_most_as_specific(a, b))
        }
        (Type::Kind(_), Type::Kind(_)) => true,
        _ => a == b,
    }
}
