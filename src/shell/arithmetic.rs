//! `$((...))`: 64-bit integers with the operators of C. Text in, number out; variables come from whoever asks.

/// What an expression may read and set.
pub trait Variables {
    /// The value of a variable, if set.
    fn get(&mut self, name: &str) -> Result<Option<String>, Problem>;
    /// Sets a variable.
    fn set(&mut self, name: &str, value: i64) -> Result<(), Problem>;
}

/// Why an expression has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// Division by zero.
    DivisionByZero,
    /// Not an expression.
    Syntax,
    /// Nested too deeply.
    TooDeep,
    /// Another mistake, in words that are printed as they are.
    Other(String),
}

const DEPTH: u32 = 60;

/// The value of an expression.
///
/// # Errors
/// Why it has none.
pub fn evaluate(text: &str, variables: &mut dyn Variables) -> Result<i64, Problem> {
    evaluate_at(text, variables, 0)
}

fn evaluate_at(text: &str, variables: &mut dyn Variables, depth: u32) -> Result<i64, Problem> {
    let mut parser = Parser { chars: text.chars().collect(), at: 0, variables, depth, skipping: 0 };
    parser.blanks();
    if parser.at == parser.chars.len() {
        return Ok(0);
    }
    let value = parser.comma()?;
    parser.blanks();
    if parser.at == parser.chars.len() { Ok(value.number) } else { Err(Problem::Syntax) }
}

struct Value {
    number: i64,
    name: Option<String>,
}

fn number(number: i64) -> Value {
    Value { number, name: None }
}

struct Parser<'a> {
    chars: Vec<char>,
    at: usize,
    variables: &'a mut dyn Variables,
    depth: u32,
    skipping: u32,
}

const BINARY: &[(&str, u8)] = &[
    ("||", 1),
    ("&&", 2),
    ("|", 3),
    ("^", 4),
    ("&", 5),
    ("==", 6),
    ("!=", 6),
    ("<=", 7),
    (">=", 7),
    ("<<", 8),
    (">>", 8),
    ("<", 7),
    (">", 7),
    ("+", 9),
    ("-", 9),
    ("**", 11),
    ("*", 10),
    ("/", 10),
    ("%", 10),
];
const ASSIGN: [&str; 11] = ["<<=", ">>=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^=", "="];

impl Parser<'_> {
    fn blanks(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(index, c)| self.chars.get(self.at + index) == Some(&c))
    }

    fn accept(&mut self, text: &str) -> bool {
        self.blanks();
        let found = self.starts(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn comma(&mut self) -> Result<Value, Problem> {
        let mut value = self.assignment()?;
        while self.accept(",") {
            value = self.assignment()?;
        }
        Ok(value)
    }

    fn assignment(&mut self) -> Result<Value, Problem> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Problem::TooDeep);
        }
        let result = self.assignment_inner();
        self.depth -= 1;
        result
    }

    fn assignment_inner(&mut self) -> Result<Value, Problem> {
        let left = self.conditional()?;
        self.blanks();
        let Some(name) = left.name.clone() else { return Ok(left) };
        let Some(sign) = ASSIGN.iter().find(|sign| self.starts(sign) && !(**sign == "=" && self.starts("=="))) else {
            return Ok(left);
        };
        self.at += sign.len();
        let right = self.assignment()?.number;
        let operator = sign.trim_end_matches('=');
        let value = if operator.is_empty() { right } else { self.apply(operator, left.number, right)? };
        if self.skipping == 0 {
            self.variables.set(&name, value)?;
        }
        Ok(number(value))
    }

    fn conditional(&mut self) -> Result<Value, Problem> {
        let condition = self.binary(0)?;
        if !self.accept("?") {
            return Ok(condition);
        }
        let yes = condition.number != 0;
        self.skipping += u32::from(!yes);
        let left = self.comma();
        self.skipping -= u32::from(!yes);
        let left = left?;
        if !self.accept(":") {
            return Err(Problem::Syntax);
        }
        self.skipping += u32::from(yes);
        let right = self.assignment();
        self.skipping -= u32::from(yes);
        let right = right?;
        Ok(number(if yes { left.number } else { right.number }))
    }

    fn binary(&mut self, least: u8) -> Result<Value, Problem> {
        let mut left = self.unary()?;
        loop {
            self.blanks();
            let found = BINARY.iter().find(|(sign, _)| self.starts(sign)).copied();
            let Some((sign, rank)) = found.filter(|(_, rank)| *rank >= least) else { return Ok(left) };
            let after = self.chars.get(self.at + sign.len()).copied();
            if after == Some('=') && !matches!(sign, "==" | "!=" | "<=" | ">=" | "&&" | "||") {
                return Ok(left);
            }
            self.at += sign.len();
            let skip = (sign == "&&" && left.number == 0) || (sign == "||" && left.number != 0);
            self.skipping += u32::from(skip);
            let right = self.binary(if sign == "**" { rank } else { rank + 1 });
            self.skipping -= u32::from(skip);
            let right = right?.number;
            left = number(self.apply(sign, left.number, right)?);
        }
    }

    fn apply(&self, sign: &str, a: i64, b: i64) -> Result<i64, Problem> {
        if matches!(sign, "/" | "%") && b == 0 {
            return if self.skipping > 0 { Ok(0) } else { Err(Problem::DivisionByZero) };
        }
        let shift = (b & 63) as u32;
        Ok(match sign {
            "+" => a.wrapping_add(b),
            "-" => a.wrapping_sub(b),
            "*" => a.wrapping_mul(b),
            "/" => a.wrapping_div(b),
            "%" => a.wrapping_rem(b),
            "**" => a.wrapping_pow(u32::try_from(b).unwrap_or(0)),
            "<<" => a.wrapping_shl(shift),
            ">>" => a.wrapping_shr(shift),
            "&" => a & b,
            "|" => a | b,
            "^" => a ^ b,
            "==" => i64::from(a == b),
            "!=" => i64::from(a != b),
            "<" => i64::from(a < b),
            ">" => i64::from(a > b),
            "<=" => i64::from(a <= b),
            ">=" => i64::from(a >= b),
            "&&" => i64::from(a != 0 && b != 0),
            "||" => i64::from(a != 0 || b != 0),
            _ => return Err(Problem::Syntax),
        })
    }

    fn unary(&mut self) -> Result<Value, Problem> {
        self.depth += 1;
        if self.depth > DEPTH {
            return Err(Problem::TooDeep);
        }
        let result = self.unary_inner();
        self.depth -= 1;
        result
    }

    fn unary_inner(&mut self) -> Result<Value, Problem> {
        self.blanks();
        for sign in ["++", "--"] {
            if self.starts(sign) {
                let at = self.at;
                self.at += 2;
                let value = self.unary()?;
                let Some(name) = value.name else {
                    self.at = at + 1;
                    let inner = self.unary()?.number;
                    return Ok(number(if sign == "++" { inner } else { inner.wrapping_neg() }));
                };
                let new = if sign == "++" { value.number.wrapping_add(1) } else { value.number.wrapping_sub(1) };
                if self.skipping == 0 {
                    self.variables.set(&name, new)?;
                }
                return Ok(number(new));
            }
        }
        if self.accept("!") {
            return Ok(number(i64::from(self.unary()?.number == 0)));
        }
        if self.accept("~") {
            return Ok(number(!self.unary()?.number));
        }
        if self.accept("-") {
            return Ok(number(self.unary()?.number.wrapping_neg()));
        }
        if self.accept("+") {
            return Ok(number(self.unary()?.number));
        }
        self.primary()
    }

    fn primary(&mut self) -> Result<Value, Problem> {
        if self.accept("(") {
            let value = self.comma()?;
            return if self.accept(")") { Ok(number(value.number)) } else { Err(Problem::Syntax) };
        }
        let mut word = String::new();
        while let Some(c) = self.chars.get(self.at).filter(|c| **c == '_' || **c == '#' || c.is_ascii_alphanumeric()) {
            word.push(*c);
            self.at += 1;
        }
        let Some(first) = word.chars().next() else { return Err(Problem::Syntax) };
        if first.is_ascii_digit() {
            return literal(&word).map(number).ok_or(Problem::Syntax);
        }
        let value = if self.skipping > 0 { 0 } else { self.variable(&word)? };
        for (sign, change) in [("++", 1), ("--", -1)] {
            self.blanks();
            if self.starts(sign) {
                self.at += 2;
                if self.skipping == 0 {
                    self.variables.set(&word, value.wrapping_add(change))?;
                }
                return Ok(number(value));
            }
        }
        Ok(Value { number: value, name: Some(word) })
    }

    fn variable(&mut self, name: &str) -> Result<i64, Problem> {
        let Some(text) = self.variables.get(name)? else { return Ok(0) };
        let text = text.trim();
        let (digits, negative) = match text.strip_prefix('-') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        if let Some(value) = literal(digits) {
            return Ok(if negative { value.wrapping_neg() } else { value });
        }
        if self.depth > DEPTH - 8 {
            return Err(Problem::TooDeep);
        }
        evaluate_at(text, self.variables, self.depth + 8)
    }
}

fn literal(word: &str) -> Option<i64> {
    let radix = |digits: &str, radix: u32| -> Option<i64> {
        if digits.is_empty() {
            return None;
        }
        digits.chars().try_fold(0_i64, |sum, c| {
            Some(sum.wrapping_mul(i64::from(radix)).wrapping_add(i64::from(c.to_digit(radix)?)))
        })
    };
    if let Some(hex) = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X")) {
        return radix(hex, 16);
    }
    if let Some((base, digits)) = word.split_once('#') {
        return base.parse().ok().filter(|base| (2..=36).contains(base)).and_then(|base| radix(digits, base));
    }
    if word.len() > 1 && word.starts_with('0') {
        return radix(word, 8);
    }
    radix(word, 10)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    impl Variables for BTreeMap<String, String> {
        fn get(&mut self, name: &str) -> Result<Option<String>, Problem> {
            Ok(BTreeMap::get(self, name).cloned())
        }
        fn set(&mut self, name: &str, value: i64) -> Result<(), Problem> {
            self.insert(name.to_owned(), value.to_string());
            Ok(())
        }
    }

    #[test]
    fn values_are_those_of_c() {
        let mut variables = BTreeMap::from([("x".to_owned(), "5".to_owned())]);
        for (text, expected) in [
            ("1+2*3", 7),
            ("(1+2)*3", 9),
            ("x++ + x", 11),
            ("x", 6),
            ("-7/2", -3),
            ("7%-3", 1),
            ("1?2:3", 2),
            ("0x10|010", 24),
            ("2**10", 1024),
            ("1<<4", 16),
            ("x=3,x*x", 9),
            ("1&&0||1", 1),
            ("!x", 0),
            ("y", 0),
            ("x+=4", 7),
            ("", 0),
            ("0&&(1/0)", 0),
        ] {
            assert_eq!(evaluate(text, &mut variables), Ok(expected), "{text}");
        }
        assert_eq!(evaluate("1/0", &mut variables), Err(Problem::DivisionByZero));
        assert_eq!(evaluate("1+", &mut variables), Err(Problem::Syntax));
        assert_eq!(evaluate(&"(".repeat(5000), &mut variables), Err(Problem::TooDeep));
    }

    #[test]
    fn a_variable_that_names_itself_ends() {
        let mut variables = BTreeMap::from([("x".to_owned(), "x".to_owned())]);
        assert_eq!(evaluate("x", &mut variables), Err(Problem::TooDeep));
    }
}
