//! `expr`: one expression from words.

applet!(expr, |args, _, out| {
    let words: Vec<&str> = args.iter().skip(1).map(String::as_str).collect();
    let mut parser = Expr { words: &words, at: 0, depth: 0 };
    match parser.level(0) {
        Ok(value) if parser.at == words.len() => {
            out.out(&format!("{value}\n"));
            i32::from(value.is_empty() || value == "0")
        }
        Ok(_) | Err(None) => {
            out.err("expr: syntax error\n");
            2
        }
        Err(Some(problem)) => {
            out.err(&format!("expr: {problem}\n"));
            2
        }
    }
});

pub(super) struct Expr<'a> {
    words: &'a [&'a str],
    at: usize,
    depth: u32,
}

impl Expr<'_> {
    fn level(&mut self, level: usize) -> Result<String, Option<&'static str>> {
        let Some(operators) = LEVELS.get(level) else { return self.matching() };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = self.words.get(self.at).filter(|word| operators.contains(*word)).copied() {
            self.at += 1;
            let right = self.level(level + 1)?;
            let numbers = left.parse::<i64>().ok().zip(right.parse::<i64>().ok());
            let compare = || numbers.map_or_else(|| left.cmp(&right), |(a, b)| a.cmp(&b));
            let truth = |truth: bool| i32::from(truth).to_string();
            let empty = |text: &str| text.is_empty() || text == "0";
            left = match operator {
                "|" => {
                    if empty(&left) {
                        right
                    } else {
                        left
                    }
                }
                "&" => {
                    if empty(&left) || empty(&right) {
                        "0".into()
                    } else {
                        left
                    }
                }
                "=" | "==" => truth(compare().is_eq()),
                "!=" => truth(compare().is_ne()),
                "<" => truth(compare().is_lt()),
                ">" => truth(compare().is_gt()),
                "<=" => truth(compare().is_le()),
                ">=" => truth(compare().is_ge()),
                operator => {
                    let (a, b) = numbers.ok_or(Some("non-integer argument"))?;
                    match operator {
                        "+" => a.wrapping_add(b),
                        "-" => a.wrapping_sub(b),
                        "*" => a.wrapping_mul(b),
                        _ if b == 0 => return Err(Some("division by zero")),
                        "/" => a.wrapping_div(b),
                        _ => a.wrapping_rem(b),
                    }
                    .to_string()
                }
            };
        }
        Ok(left)
    }

    fn matching(&mut self) -> Result<String, Option<&'static str>> {
        let mut left = self.primary()?;
        while self.words.get(self.at) == Some(&":") {
            self.at += 1;
            let pattern = self.primary()?;
            let regex = crate::shell::regex::compile(&format!("^{}", pattern.trim_start_matches('^')), false, false)
                .map_err(|_| None)?;
            left = match regex.captures(&left) {
                Some(found) if regex.captures_len() > 1 => {
                    found.get(1).map_or(String::new(), |group| group.as_str().to_owned())
                }
                Some(found) => found.get(0).map_or(0, |all| all.as_str().chars().count()).to_string(),
                None if regex.captures_len() > 1 => String::new(),
                None => "0".into(),
            };
        }
        Ok(left)
    }

    fn primary(&mut self) -> Result<String, Option<&'static str>> {
        let word = self.words.get(self.at).copied().ok_or(None)?;
        self.at += 1;
        match word {
            "(" => {
                self.depth += 1;
                if self.depth > 100 {
                    return Err(None);
                }
                let value = self.level(0)?;
                if self.words.get(self.at) != Some(&")") {
                    return Err(None);
                }
                self.at += 1;
                Ok(value)
            }
            "length" if self.at < self.words.len() => Ok(self.primary()?.chars().count().to_string()),
            word => Ok(word.to_owned()),
        }
    }
}

pub(super) const LEVELS: [&[&str]; 5] =
    [&["|"], &["&"], &["=", "==", "!=", "<", ">", "<=", ">="], &["+", "-"], &["*", "/", "%"]];
