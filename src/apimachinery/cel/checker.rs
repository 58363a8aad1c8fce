//! Whether the parts of an expression fit one another.
//!
//! Models google/cel-go checker/{checker,errors}.go and cel/validator.go, for macros that are not spelled out.

use std::sync::Arc;

use super::expression::{Expr, Fold, Macro, Node};
use super::functions::{self, named_type};
use super::types::{Mapping, Type, more_general};
use super::value::Val;
use super::{Fault, strings, times};

/// What a check finds out.
pub(super) struct Checked {
    pub(super) result: Type,
    /// The variables that are asked for.
    pub(super) names: Vec<String>,
}

/// Checks an expression.
pub(super) fn check(tree: &Expr, variables: &[(&str, Type)]) -> Result<Checked, Vec<Fault>> {
    let scope = variables.iter().map(|(name, of)| ((*name).to_owned(), of.clone())).collect();
    let own = variables.len();
    let mut checker = Checker {
        scope,
        own,
        mapping: Mapping::default(),
        next: 0,
        faults: Vec::new(),
        names: Vec::new(),
        mixed: Vec::new(),
        may_mix: false,
    };
    let result = checker.check(tree);
    let result = checker.mapping.resolve(&result, true);
    if checker.faults.is_empty() {
        // Upstream looks at literals when all else is right.
        checker.literals(tree);
        let mixed = std::mem::take(&mut checker.mixed);
        checker.faults.extend(mixed);
    }
    if checker.faults.is_empty() { Ok(Checked { result, names: checker.names }) } else { Err(checker.faults) }
}

struct Checker {
    scope: Vec<(String, Type)>,
    /// How many of the scope come from outside.
    own: usize,
    mapping: Mapping,
    next: u32,
    faults: Vec<Fault>,
    names: Vec<String>,
    /// Elements of lists and maps that are unlike those before them.
    mixed: Vec<Fault>,
    /// Whether they may be: what `format` takes is of every type.
    may_mix: bool,
}

impl Checker {
    fn fault(&mut self, at: usize, message: String) -> Type {
        self.faults.push(Fault::new(at, message));
        Type::Error
    }

    fn fresh(&mut self) -> Type {
        self.next += 1;
        Type::Var(self.next - 1)
    }

    fn undeclared(&mut self, at: usize, name: &str) -> Type {
        self.fault(at, format!("undeclared reference to '{name}' (in container '')"))
    }

    fn mismatch(&mut self, at: usize, wanted: &Type, found: &Type) -> Type {
        self.fault(at, format!("expected type '{wanted}' but found '{found}'"))
    }

    fn check(&mut self, of: &Expr) -> Type {
        match &of.node {
            Node::Literal(value) => value.type_of(),
            Node::Name(name) => self.name(of.at, name),
            Node::Select { of: inner, field, optional } => {
                if let Some(known) = dotted(of).filter(|_| !optional).and_then(|name| named_type(&name)) {
                    return known;
                }
                let found = self.select(of.at, inner, field);
                let already = found.inside_optional().is_some() && *optional;
                let found = if *optional && !already { Type::optional(found) } else { found };
                self.mapping.resolve(&found, false)
            }
            Node::Has { of: inner, field } => {
                self.select(of.at, inner, field);
                Type::Bool
            }
            Node::Call { name, receiver, arguments } => self.call(of.at, name, receiver.as_deref(), arguments),
            Node::List(items) => {
                let mut all = None;
                for (optional, item) in items {
                    let found = self.check(item);
                    all = Some(self.joined(item.at, all, found, *optional));
                }
                let inner = all.unwrap_or_else(|| self.fresh());
                Type::list(inner)
            }
            Node::Map(entries) => {
                let (mut keys, mut values) = (None, None);
                for (optional, key, value) in entries {
                    let found = self.check(key);
                    keys = Some(self.joined(key.at, keys, found, false));
                    let found = self.check(value);
                    values = Some(self.joined(value.at, values, found, *optional));
                }
                let key = keys.unwrap_or_else(|| self.fresh());
                let value = values.unwrap_or_else(|| self.fresh());
                Type::map(key, value)
            }
            Node::Message(name) => self.undeclared(of.at, name),
            Node::Fold(fold) => self.fold(of.at, fold),
            Node::OptionalMap { of: inner, variable, body, flat } => {
                self.optional_map(of.at, inner, variable, body, *flat)
            }
        }
    }

    fn name(&mut self, at: usize, name: &str) -> Type {
        let place = self.scope.iter().rposition(|(known, _)| known == name);
        if let Some((place, found)) = place.and_then(|place| Some((place, self.scope.get(place)?.1.clone()))) {
            if place < self.own && !self.names.iter().any(|used| used == name) {
                self.names.push(name.to_owned());
            }
            return found;
        }
        named_type(name).unwrap_or_else(|| self.undeclared(at, name))
    }

    /// The type of a field; of an optional, an optional.
    fn select(&mut self, at: usize, of: &Expr, field: &str) -> Type {
        let found = self.check(of);
        let whole = self.mapping.resolve(&found, false);
        let inner = whole.inside_optional().unwrap_or(&whole).clone();
        let result = match &inner {
            Type::Map(of) => of.1.clone(),
            Type::Object(object) => match object.fields.get(field) {
                Some(found) => found.clone(),
                None => self.fault(at, format!("undefined field '{field}'")),
            },
            Type::Var(_) => {
                self.mapping.assign(&Type::Dyn, &inner);
                Type::Dyn
            }
            Type::Dyn | Type::Error => Type::Dyn,
            other => {
                self.fault(at, format!("type '{other}' does not support field selection"));
                Type::Dyn
            }
        };
        if whole.inside_optional().is_some() { Type::optional(result) } else { result }
    }

    fn joined(&mut self, at: usize, before: Option<Type>, found: Type, optional: bool) -> Type {
        let found = if optional {
            match found.inside_optional() {
                Some(inner) => inner.clone(),
                None if found == Type::Dyn => found,
                None => {
                    self.mismatch(at, &Type::optional(found.clone()), &found);
                    found
                }
            }
        } else {
            found
        };
        let Some(before) = before else { return found };
        if self.mapping.assign(&before, &found) {
            return more_general(&before, &found);
        }
        if !self.may_mix {
            let (before, found) = (self.mapping.resolve(&before, true), self.mapping.resolve(&found, true));
            self.mixed.push(Fault::new(at, format!("expected type '{before}' but found '{found}'")));
        }
        Type::Dyn
    }

    fn call(&mut self, at: usize, name: &str, receiver: Option<&Expr>, arguments: &[Expr]) -> Type {
        if receiver.is_none() && !functions::is_known(name) {
            arguments.iter().for_each(|one| drop(self.check(one)));
            return self.undeclared(at, name);
        }
        let outside = std::mem::replace(&mut self.may_mix, name == "format");
        let mut given: Vec<Type> = arguments.iter().map(|one| self.check(one)).collect();
        self.may_mix = outside;
        if let Some(receiver) = receiver {
            let on = self.check(receiver);
            if !functions::is_known(name) {
                return self.undeclared(at, name);
            }
            given.insert(0, on);
        }
        if matches!(name, "_&&_" | "_||_") {
            let mut fits = true;
            for (argument, found) in arguments.iter().zip(&given) {
                if !self.mapping.assign(found, &Type::Bool) {
                    let found = self.mapping.resolve(found, true);
                    self.mismatch(argument.at, &Type::Bool, &found);
                    fits = false;
                }
            }
            return if fits { Type::Bool } else { Type::Error };
        }
        self.resolve(at, name, receiver.is_some(), &given)
    }

    fn resolve(&mut self, at: usize, name: &str, member: bool, given: &[Type]) -> Type {
        let mut result: Option<Type> = None;
        for overload in functions::overloads(name, &mut self.next) {
            if overload.member != member || !self.mapping.assign_all(given, &overload.arguments) {
                continue;
            }
            let found = self.mapping.resolve(&overload.result, false);
            result = Some(match result {
                None => found,
                Some(before) if before == Type::Dyn || before == found => before,
                Some(_) => Type::Dyn,
            });
        }
        result.unwrap_or_else(|| self.no_overload(at, name, member, given))
    }

    fn no_overload(&mut self, at: usize, name: &str, member: bool, given: &[Type]) -> Type {
        let given: Vec<String> = given.iter().map(|one| self.mapping.resolve(one, true).to_string()).collect();
        let signature = match given.split_first() {
            Some((on, rest)) if member => format!("{on}.({})", rest.join(", ")),
            _ => format!("({})", given.join(", ")),
        };
        self.fault(at, format!("found no matching overload for '{name}' applied to '{signature}'"))
    }

    /// The types of what a macro goes through: keys or places, then elements, then what one variable alone gets.
    fn range(&mut self, range: &Expr) -> (Type, Type, Type) {
        let found = self.check(range);
        match self.mapping.resolve(&found, false) {
            Type::List(of) => (Type::Int, Type::clone(&of), Type::clone(&of)),
            Type::Map(of) => (of.0.clone(), of.1.clone(), of.0.clone()),
            open @ (Type::Dyn | Type::Error | Type::Var(_)) => {
                self.mapping.assign(&Type::Dyn, &open);
                (Type::Dyn, Type::Dyn, Type::Dyn)
            }
            other => {
                let why = "cannot be range of a comprehension (must be list, map, or dynamic)";
                self.fault(range.at, format!("expression of type '{other}' {why}"));
                (Type::Error, Type::Error, Type::Error)
            }
        }
    }

    fn fold(&mut self, at: usize, fold: &Fold) -> Type {
        let (key, value, element) = self.range(&fold.range);
        let outer = self.scope.len();
        match fold.variables.as_slice() {
            [one] => self.scope.push((one.clone(), element.clone())),
            [one, two] => {
                self.scope.push((one.clone(), key.clone()));
                self.scope.push((two.clone(), value.clone()));
            }
            _ => {}
        }
        let condition = fold.condition.as_ref().map(|one| (one.at, self.check(one)));
        let result = fold.result.as_ref().map(|one| (one, self.check(one)));
        self.scope.truncate(outer);
        let made = result.as_ref().map_or(Type::Dyn, |(_, of)| of.clone());
        let whole = match fold.kind {
            Macro::All | Macro::Exists | Macro::ExistsOne => Type::Bool,
            Macro::Filter => Type::list(element),
            Macro::Map | Macro::TransformList => Type::list(made),
            Macro::TransformMap => Type::map(key, made),
            Macro::TransformMapEntry => made,
            Macro::SortBy => {
                let keys = Type::list(made);
                self.resolve(at, "isSorted", true, std::slice::from_ref(&keys));
                Type::list(element)
            }
        };
        let Some((place, asked)) = condition else { return self.mapping.resolve(&whole, false) };
        if !self.mapping.assign(&asked, &Type::Bool) {
            let asked = self.mapping.resolve(&asked, true);
            return match fold.kind {
                Macro::All | Macro::Exists => self.mismatch(place, &Type::Bool, &asked),
                Macro::ExistsOne => self.no_overload(at, "_?_:_", false, &[asked, Type::Int, Type::Int]),
                _ => self.no_overload(at, "_?_:_", false, &[asked, whole.clone(), whole]),
            };
        }
        self.mapping.resolve(&whole, false)
    }

    fn optional_map(&mut self, at: usize, of: &Expr, variable: &str, body: &Expr, flat: bool) -> Type {
        let found = self.check(of);
        let open = self.fresh();
        if !self.mapping.assign(&found, &Type::optional(open.clone())) {
            return self.no_overload(at, "hasValue", true, &[found]);
        }
        let inner = self.mapping.resolve(&open, false);
        self.scope.push((variable.to_owned(), inner));
        let made = self.check(body);
        self.scope.pop();
        if !flat {
            return Type::optional(made);
        }
        let open = self.fresh();
        if self.mapping.assign(&made, &Type::optional(open.clone())) {
            return self.mapping.resolve(&Type::optional(open), false);
        }
        self.no_overload(at, "_?_:_", false, &[Type::Bool, made, Type::optional(Type::Dyn)])
    }

    /// Durations, moments and patterns that are written out have to be some.
    fn literals(&mut self, of: &Expr) {
        if let Node::Call { name, receiver, arguments } = &of.node
            && let Some(Expr { node: Node::Literal(Val::Str(text)), at, .. }) = arguments.last()
        {
            let whole = arguments.len() + usize::from(receiver.is_some());
            let wrong = match (name.as_str(), whole) {
                ("duration", 1) => times::duration(text).is_err(),
                ("timestamp", 1) => times::timestamp(text).is_err(),
                ("matches", 2) => strings::pattern(text).is_err(),
                _ => false,
            };
            if wrong {
                self.fault(*at, format!("invalid {name} argument"));
            }
        }
        of.each(&mut |part| self.literals(part));
    }
}

/// `a.b.c` when it is nothing but names.
fn dotted(of: &Expr) -> Option<Arc<str>> {
    match &of.node {
        Node::Name(name) => Some(name.as_str().into()),
        Node::Select { of, field, optional: false } => Some(format!("{}.{field}", dotted(of)?).into()),
        _ => None,
    }
}
