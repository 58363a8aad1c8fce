//! The values of CEL, when they are equal, and in which order they stand.
//!
//! Models google/cel-go common/types and Kubernetes 1.36 staging/src/k8s.io/apiserver/pkg/cel/common/values.go (lists
//! that are sets or maps by keys).

use core::net::IpAddr;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::types::Type;
use super::url::Url;
use super::version::Version;
use crate::apimachinery::quantity::Quantity;

/// A value.
#[derive(Clone, Debug)]
pub enum Val {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// One without a sign.
    Uint(u64),
    /// A floating-point number.
    Double(f64),
    /// Text.
    Str(Arc<str>),
    /// Bytes.
    Bytes(Arc<[u8]>),
    /// A length of time, in nanoseconds.
    Duration(i64),
    /// A moment.
    Timestamp(jiff::Timestamp),
    /// A list.
    List(Arc<List>),
    /// A map, or an object with its fields.
    Map(Arc<BTreeMap<Key, Val>>),
    /// Something or nothing.
    Optional(Option<Arc<Val>>),
    /// A type.
    Kind(Type),
    /// An amount.
    Quantity(Quantity),
    /// A URL, in its parts.
    Url(Arc<Url>),
    /// An address.
    Ip(IpAddr),
    /// A network: address and length of the prefix.
    Cidr(IpAddr, u8),
    /// A version.
    Version(Arc<Version>),
    /// A format that has a name.
    Format(&'static str),
}

/// What a function says of arguments that it does not take.
pub(super) const NO_OVERLOAD: &str = "no such overload";

/// What came of a part of an expression: a value, or what is wrong.
pub(super) type Outcome = Result<Val, String>;

/// A length as a value.
pub(super) fn count(length: usize) -> Val {
    Val::Int(i64::try_from(length).unwrap_or(i64::MAX))
}

/// A list, and how two of its kind are compared and added.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// What is in it.
    pub items: Vec<Val>,
    /// What two of them make.
    pub merge: Merge,
}

/// `x-kubernetes-list-type`
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Merge {
    /// One after the other; order counts.
    #[default]
    Atomic,
    /// Each once; order does not count.
    Set,
    /// One for each value of these fields.
    Keys(Arc<[String]>),
}

/// A key of a map. Numbers of both kinds are one key when they are equal.
#[derive(Clone, Debug)]
pub enum Key {
    /// `true`, `false`
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// One without a sign.
    Uint(u64),
    /// Text.
    Str(Arc<str>),
}

impl Key {
    fn rank(&self) -> (u8, i128, &str) {
        match self {
            Key::Bool(held) => (0, i128::from(*held), ""),
            Key::Int(held) => (1, i128::from(*held), ""),
            Key::Uint(held) => (1, i128::from(*held), ""),
            Key::Str(held) => (2, 0, held),
        }
    }

    /// The key as a value.
    pub(super) fn value(&self) -> Val {
        match self {
            Key::Bool(held) => Val::Bool(*held),
            Key::Int(held) => Val::Int(*held),
            Key::Uint(held) => Val::Uint(*held),
            Key::Str(held) => Val::Str(held.clone()),
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank().cmp(&other.rank())
    }
}

impl Val {
    /// Text.
    pub fn text(text: &str) -> Val {
        Val::Str(text.into())
    }

    /// A list like those that are written out.
    pub fn list(items: Vec<Val>) -> Val {
        Val::List(Arc::new(List { items, merge: Merge::Atomic }))
    }

    /// A value of which nothing is known beforehand.
    pub fn from_json(json: &serde_json::Value) -> Val {
        use serde_json::Value;
        match json {
            Value::Null => Val::Null,
            Value::Bool(held) => Val::Bool(*held),
            Value::Number(number) => {
                number.as_i64().map_or_else(|| Val::Double(number.as_f64().unwrap_or_default()), Val::Int)
            }
            Value::String(text) => Val::text(text),
            Value::Array(items) => Val::list(items.iter().map(Val::from_json).collect()),
            Value::Object(map) => {
                let entries = map.iter().map(|(key, held)| (Key::Str(key.as_str().into()), Val::from_json(held)));
                Val::Map(Arc::new(entries.collect()))
            }
        }
    }

    /// Something, as an optional.
    pub fn some(held: Val) -> Val {
        Val::Optional(Some(Arc::new(held)))
    }

    /// The value as a key; `None` when it cannot be one.
    pub(super) fn key(&self) -> Option<Key> {
        Some(match self {
            Val::Bool(held) => Key::Bool(*held),
            Val::Int(held) => Key::Int(*held),
            Val::Uint(held) => Key::Uint(*held),
            Val::Double(held) if held.fract() == 0.0 && held.abs() < 9e15 => Key::Int(*held as i64),
            Val::Str(held) => Key::Str(held.clone()),
            _ => return None,
        })
    }

    /// Its type, without what is in it.
    pub(super) fn type_of(&self) -> Type {
        match self {
            Val::Null => Type::Null,
            Val::Bool(_) => Type::Bool,
            Val::Int(_) => Type::Int,
            Val::Uint(_) => Type::Uint,
            Val::Double(_) => Type::Double,
            Val::Str(_) => Type::Str,
            Val::Bytes(_) => Type::Bytes,
            Val::Duration(_) => Type::Duration,
            Val::Timestamp(_) => Type::Timestamp,
            Val::List(_) => Type::list(Type::Dyn),
            Val::Map(_) => Type::map(Type::Dyn, Type::Dyn),
            Val::Optional(_) => Type::optional(Type::Dyn),
            Val::Kind(_) => Type::Kind(None),
            Val::Quantity(_) => Type::Opaque("kubernetes.Quantity", Arc::default()),
            Val::Url(_) => Type::Opaque("kubernetes.URL", Arc::default()),
            Val::Ip(_) => Type::Opaque("net.IP", Arc::default()),
            Val::Cidr(..) => Type::Opaque("net.CIDR", Arc::default()),
            Val::Version(_) => Type::Opaque("kubernetes.Semver", Arc::default()),
            Val::Format(_) => Type::Opaque("kubernetes.NamedFormat", Arc::default()),
        }
    }

    /// What `optional.ofNonZeroValue` takes for nothing.
    pub(super) fn is_zero(&self) -> bool {
        match self {
            Val::Null => true,
            Val::Bool(held) => !held,
            Val::Int(held) => *held == 0,
            Val::Uint(held) => *held == 0,
            Val::Double(held) => *held == 0.0,
            Val::Str(held) => held.is_empty(),
            Val::Bytes(held) => held.is_empty(),
            Val::Duration(held) => *held == 0,
            Val::List(held) => held.items.is_empty(),
            Val::Map(held) => held.is_empty(),
            Val::Optional(held) => held.as_ref().is_none_or(|held| held.is_zero()),
            _ => false,
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Val::Int(held) => Some(*held as f64),
            Val::Uint(held) => Some(*held as f64),
            Val::Double(held) => Some(*held),
            _ => None,
        }
    }

    /// Which of two stands first; `None` when they have no order.
    pub(super) fn order(&self, other: &Val) -> Option<Ordering> {
        match (self, other) {
            (Val::Bool(a), Val::Bool(b)) => Some(a.cmp(b)),
            (Val::Int(a), Val::Int(b)) => Some(a.cmp(b)),
            (Val::Uint(a), Val::Uint(b)) => Some(a.cmp(b)),
            (Val::Int(a), Val::Uint(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Val::Uint(a), Val::Int(b)) => Some(i128::from(*a).cmp(&i128::from(*b))),
            (Val::Str(a), Val::Str(b)) => Some(a.cmp(b)),
            (Val::Bytes(a), Val::Bytes(b)) => Some(a.cmp(b)),
            (Val::Duration(a), Val::Duration(b)) => Some(a.cmp(b)),
            (Val::Timestamp(a), Val::Timestamp(b)) => Some(a.cmp(b)),
            _ => self.number()?.partial_cmp(&other.number()?),
        }
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Val::Null, Val::Null) => true,
            (Val::List(a), Val::List(b)) => a == b,
            (Val::Map(a), Val::Map(b)) => a == b,
            (Val::Optional(a), Val::Optional(b)) => a == b,
            (Val::Kind(a), Val::Kind(b)) => a.to_string() == b.to_string(),
            (Val::Quantity(a), Val::Quantity(b)) => a == b,
            (Val::Url(a), Val::Url(b)) => a == b,
            (Val::Ip(a), Val::Ip(b)) => a == b,
            (Val::Cidr(a, one), Val::Cidr(b, other)) => a == b && one == other,
            (Val::Version(a), Val::Version(b)) => a == b,
            (Val::Format(a), Val::Format(b)) => a == b,
            _ => self.order(other) == Some(Ordering::Equal),
        }
    }
}

impl PartialEq for List {
    fn eq(&self, other: &Self) -> bool {
        let same = self.items.len() == other.items.len();
        let merge = if self.merge == Merge::Atomic { &other.merge } else { &self.merge };
        match merge {
            Merge::Atomic => same && self.items == other.items,
            // Whoever has them all, and as many, has the same.
            _ => same && self.items.iter().all(|item| other.items.contains(item)),
        }
    }
}

impl List {
    /// The two together, each after its kind.
    pub(super) fn plus(&self, other: &List) -> List {
        let mut all = self.clone();
        for item in &other.items {
            let same = |held: &Val| match &self.merge {
                Merge::Atomic => false,
                Merge::Set => held == item,
                Merge::Keys(keys) => keys.iter().all(|key| field(held, key) == field(item, key)),
            };
            match all.items.iter().position(same) {
                Some(place) if self.merge != Merge::Set => {
                    if let Some(held) = all.items.get_mut(place) {
                        *held = item.clone();
                    }
                }
                Some(_) => {}
                None => all.items.push(item.clone()),
            }
        }
        all
    }
}

/// A field of an object.
pub(super) fn field<'a>(of: &'a Val, name: &str) -> Option<&'a Val> {
    match of {
        Val::Map(fields) => fields.get(&Key::Str(name.into())),
        _ => None,
    }
}
