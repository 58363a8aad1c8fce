//! A shell's variables: reading, setting, taking back, and those that children inherit. Expands nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Shell, Variable};

impl Shell {
    /// The variable of that name.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.vars.get(name)
    }

    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<String> {
        self.vars.get(name)?.value.clone()
    }

    /// Sets a variable, whatever its attributes.
    pub fn set(&mut self, name: &str, value: &str) {
        let export = self.options.allexport;
        let variable = Arc::make_mut(&mut self.vars).entry(name.to_owned()).or_default();
        variable.value = Some(value.to_owned());
        variable.exported |= export;
        if name == "OPTIND" {
            self.getopts = (value.parse().unwrap_or(1), 0);
        }
    }

    pub(in crate::shell) fn restore(&mut self, name: &str, old: Option<Variable>) {
        let vars = Arc::make_mut(&mut self.vars);
        match old {
            Some(old) => vars.insert(name.to_owned(), old),
            None => vars.remove(name),
        };
    }

    pub(in crate::shell) fn env_map(&self) -> Arc<BTreeMap<String, String>> {
        let exported = self.vars.iter().filter(|(_, variable)| variable.exported);
        Arc::new(exported.filter_map(|(name, variable)| Some((name.clone(), variable.value.clone()?))).collect())
    }

    /// How the last command ended: `$?`.
    pub fn last_status(&self) -> i32 {
        self.status
    }
}
