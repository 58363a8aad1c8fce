//! What a redis server holds, and its commands. Pure: time comes with each command.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use super::Reply;
use crate::shell::pattern::Pattern;
use crate::sim::Time;

#[derive(Clone, Debug)]
enum Value {
    Text(String),
    List(VecDeque<String>),
    Set(BTreeSet<String>),
    Hash(BTreeMap<String, String>),
}

impl Value {
    const fn kind(&self) -> &'static str {
        match self {
            Value::Text(_) => "string",
            Value::List(_) => "list",
            Value::Set(_) => "set",
            Value::Hash(_) => "hash",
        }
    }
    fn is_empty(&self) -> bool {
        match self {
            Value::Text(_) => false,
            Value::List(list) => list.is_empty(),
            Value::Set(set) => set.is_empty(),
            Value::Hash(hash) => hash.is_empty(),
        }
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Store {
    values: BTreeMap<String, Value>,
    ends: BTreeMap<String, Time>,
}

/// A command's name, the least and the most words after it.
const COMMANDS: &[(&str, usize, usize)] = &[
    ("ping", 0, 1),
    ("echo", 1, 1),
    ("quit", 0, 0),
    ("select", 1, 1),
    ("flushall", 0, 1),
    ("flushdb", 0, 1),
    ("dbsize", 0, 0),
    ("keys", 1, 1),
    ("exists", 1, MANY),
    ("del", 1, MANY),
    ("unlink", 1, MANY),
    ("type", 1, 1),
    ("expire", 2, 2),
    ("ttl", 1, 1),
    ("persist", 1, 1),
    ("rename", 2, 2),
    ("set", 2, MANY),
    ("setnx", 2, 2),
    ("get", 1, 1),
    ("getset", 2, 2),
    ("mset", 2, MANY),
    ("mget", 1, MANY),
    ("append", 2, 2),
    ("strlen", 1, 1),
    ("incr", 1, 1),
    ("decr", 1, 1),
    ("incrby", 2, 2),
    ("decrby", 2, 2),
    ("setex", 3, 3),
    ("lpush", 2, MANY),
    ("rpush", 2, MANY),
    ("lpop", 1, 2),
    ("rpop", 1, 2),
    ("llen", 1, 1),
    ("lrange", 3, 3),
    ("lindex", 2, 2),
    ("lrem", 3, 3),
    ("lmove", 4, 4),
    ("rpoplpush", 2, 2),
    ("blpop", 2, MANY),
    ("brpop", 2, MANY),
    ("brpoplpush", 3, 3),
    ("blmove", 5, 5),
    ("sadd", 2, MANY),
    ("srem", 2, MANY),
    ("smembers", 1, 1),
    ("scard", 1, 1),
    ("sismember", 2, 2),
    ("hset", 3, MANY),
    ("hget", 2, 2),
    ("hgetall", 1, 1),
    ("hdel", 2, MANY),
    ("hlen", 1, 1),
    ("hkeys", 1, 1),
    ("hincrby", 3, 3),
];
const MANY: usize = usize::MAX;

type Done = Result<Reply, String>;

fn wrong_type() -> String {
    "WRONGTYPE Operation against a key holding the wrong kind of value".to_owned()
}

fn number(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "ERR value is not an integer or out of range".to_owned())
}

fn count(length: usize) -> Reply {
    Reply::Integer(i64::try_from(length).unwrap_or(i64::MAX))
}

fn texts<'a>(all: impl Iterator<Item = &'a String>) -> Reply {
    Reply::Array(all.map(|text| Reply::Bulk(Some(text.clone()))).collect())
}

/// An index from the end when it is negative.
fn place(index: i64, length: usize) -> i64 {
    if index < 0 { index + i64::try_from(length).unwrap_or(0) } else { index }
}

macro_rules! typed {
    ($name:ident, $variant:ident, $type:ty) => {
        fn $name(&mut self, key: &str) -> Result<&mut $type, String> {
            match self.values.entry(key.to_owned()).or_insert_with(|| Value::$variant(Default::default())) {
                Value::$variant(held) => Ok(held),
                _ => Err(wrong_type()),
            }
        }
    };
}

impl Store {
    typed!(list, List, VecDeque<String>);
    typed!(set, Set, BTreeSet<String>);
    typed!(hash, Hash, BTreeMap<String, String>);

    /// Roughly the bytes that it holds.
    pub fn bytes(&self) -> u64 {
        let size = |value: &Value| match value {
            Value::Text(text) => text.len(),
            Value::List(list) => list.iter().map(|text| text.len() + 16).sum(),
            Value::Set(set) => set.iter().map(|text| text.len() + 16).sum(),
            Value::Hash(hash) => hash.iter().map(|(key, text)| key.len() + text.len() + 32).sum(),
        };
        self.values.iter().map(|(key, value)| (key.len() + size(value) + 64) as u64).sum()
    }

    /// Does one command.
    pub fn run(&mut self, words: &[String], now: Time) -> Reply {
        let ended: Vec<String> = self.ends.iter().filter(|(_, at)| **at <= now).map(|(key, _)| key.clone()).collect();
        for key in ended {
            self.forget(&key);
        }
        let Some((name, args)) = words.split_first() else { return Reply::Error("ERR empty command".to_owned()) };
        let lower = name.to_lowercase();
        let Some((_, least, most)) = COMMANDS.iter().find(|(known, _, _)| *known == lower) else {
            let given: String = args.iter().map(|arg| format!("'{arg}' ")).collect();
            return Reply::Error(format!("ERR unknown command '{name}', with args beginning with: {given}"));
        };
        if args.len() < *least || args.len() > *most {
            return Reply::Error(format!("ERR wrong number of arguments for '{lower}' command"));
        }
        let reply = self.command(&lower, args, now).unwrap_or_else(Reply::Error);
        self.values.retain(|_, value| !value.is_empty());
        reply
    }

    fn forget(&mut self, key: &str) -> bool {
        self.ends.remove(key);
        self.values.remove(key).is_some()
    }

    fn text(&self, key: &str) -> Result<Option<String>, String> {
        match self.values.get(key) {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text.clone())),
            Some(_) => Err(wrong_type()),
        }
    }

    fn put(&mut self, key: &str, value: &str) {
        self.forget(key);
        self.values.insert(key.to_owned(), Value::Text(value.to_owned()));
    }

    fn command(&mut self, name: &str, args: &[String], now: Time) -> Done {
        let arg = |at: usize| args.get(at).map_or("", String::as_str);
        let key = arg(0);
        Ok(match name {
            "ping" if args.is_empty() => Reply::Status("PONG"),
            "ping" | "echo" => Reply::Bulk(Some(key.to_owned())),
            "quit" | "select" => Reply::Status("OK"),
            "flushall" | "flushdb" => {
                *self = Store::default();
                Reply::Status("OK")
            }
            "dbsize" => count(self.values.len()),
            "keys" => {
                let wanted = Pattern::active(key);
                texts(self.values.keys().filter(|held| wanted.matches_str(held)))
            }
            "exists" => count(args.iter().filter(|key| self.values.contains_key(*key)).count()),
            "del" | "unlink" => count(args.iter().filter(|key| self.forget(key)).count()),
            "type" => Reply::Bulk(Some(self.values.get(key).map_or("none", Value::kind).to_owned())),
            "expire" => {
                let seconds = u64::try_from(number(arg(1))?).unwrap_or(0);
                let there = self.values.contains_key(key);
                if there {
                    self.ends.insert(key.to_owned(), now + Duration::from_secs(seconds));
                }
                Reply::Integer(i64::from(there))
            }
            "persist" => Reply::Integer(i64::from(self.ends.remove(key).is_some())),
            "ttl" => Reply::Integer(match (self.values.contains_key(key), self.ends.get(key)) {
                (false, _) => -2,
                (true, None) => -1,
                (true, Some(at)) => i64::try_from(at.since(now).as_secs()).unwrap_or(i64::MAX),
            }),
            "rename" => {
                let value = self.values.remove(key).ok_or("ERR no such key")?;
                self.forget(arg(1));
                self.values.insert(arg(1).to_owned(), value);
                Reply::Status("OK")
            }
            "lpush" | "rpush" | "lpop" | "rpop" | "llen" | "lrange" | "lindex" | "lrem" | "lmove" | "rpoplpush"
            | "blpop" | "brpop" | "brpoplpush" | "blmove" => return self.list_command(name, args),
            "sadd" | "srem" | "smembers" | "scard" | "sismember" | "hset" | "hget" | "hgetall" | "hdel" | "hlen"
            | "hkeys" | "hincrby" => return self.collection_command(name, args),
            _ => return self.text_command(name, args, now),
        })
    }

    fn text_command(&mut self, name: &str, args: &[String], now: Time) -> Done {
        let arg = |at: usize| args.get(at).map_or("", String::as_str);
        let key = arg(0);
        Ok(match name {
            "get" => Reply::Bulk(self.text(key)?),
            "getset" => {
                let old = self.text(key)?;
                self.put(key, arg(1));
                Reply::Bulk(old)
            }
            "set" => return self.set_text(key, arg(1), args.get(2..).unwrap_or_default(), now),
            "setnx" => {
                let free = !self.values.contains_key(key);
                if free {
                    self.put(key, arg(1));
                }
                Reply::Integer(i64::from(free))
            }
            "setex" => {
                let seconds = u64::try_from(number(arg(1))?).unwrap_or(0);
                self.put(key, arg(2));
                self.ends.insert(key.to_owned(), now + Duration::from_secs(seconds));
                Reply::Status("OK")
            }
            "mset" => {
                for pair in args.chunks(2) {
                    let [key, value] = pair else {
                        return Err("ERR wrong number of arguments for 'mset' command".to_owned());
                    };
                    self.put(key, value);
                }
                Reply::Status("OK")
            }
            "mget" => Reply::Array(args.iter().map(|key| Reply::Bulk(self.text(key).ok().flatten())).collect()),
            "append" => {
                let whole = self.text(key)?.unwrap_or_default() + arg(1);
                self.values.insert(key.to_owned(), Value::Text(whole.clone()));
                count(whole.len())
            }
            "strlen" => count(self.text(key)?.map_or(0, |text| text.len())),
            _ => {
                let by = match name {
                    "incr" => 1,
                    "decr" => -1,
                    "incrby" => number(arg(1))?,
                    _ => number(arg(1))?.saturating_neg(),
                };
                let sum = number(&self.text(key)?.unwrap_or_else(|| "0".to_owned()))?.saturating_add(by);
                self.values.insert(key.to_owned(), Value::Text(sum.to_string()));
                Reply::Integer(sum)
            }
        })
    }

    fn set_text(&mut self, key: &str, value: &str, options: &[String], now: Time) -> Done {
        let (mut end, mut give_old) = (None, false);
        let mut words = options.iter();
        while let Some(word) = words.next() {
            match word.to_uppercase().as_str() {
                "NX" if self.values.contains_key(key) => return Ok(Reply::Bulk(None)),
                "XX" if !self.values.contains_key(key) => return Ok(Reply::Bulk(None)),
                "NX" | "XX" | "KEEPTTL" => {}
                "GET" => give_old = true,
                unit @ ("EX" | "PX") => {
                    let amount = u64::try_from(number(words.next().map_or("", String::as_str))?).unwrap_or(0);
                    let wait = if unit == "EX" { Duration::from_secs(amount) } else { Duration::from_millis(amount) };
                    end = Some(now + wait);
                }
                _ => return Err("ERR syntax error".to_owned()),
            }
        }
        let old = if give_old { self.text(key)? } else { None };
        self.put(key, value);
        if let Some(end) = end {
            self.ends.insert(key.to_owned(), end);
        }
        Ok(if give_old { Reply::Bulk(old) } else { Reply::Status("OK") })
    }

    /// Takes one from an end of a list.
    fn take(&mut self, key: &str, left: bool) -> Result<Option<String>, String> {
        let list = self.list(key)?;
        Ok(if left { list.pop_front() } else { list.pop_back() })
    }

    fn shift(&mut self, from: (&str, bool), to: (&str, bool)) -> Done {
        let Some(taken) = self.take(from.0, from.1)? else { return Ok(Reply::Bulk(None)) };
        let list = self.list(to.0)?;
        if to.1 {
            list.push_front(taken.clone());
        } else {
            list.push_back(taken.clone());
        }
        Ok(Reply::Bulk(Some(taken)))
    }

    fn list_command(&mut self, name: &str, args: &[String]) -> Done {
        let arg = |at: usize| args.get(at).map_or("", String::as_str);
        let key = arg(0);
        let left = |at: usize| arg(at).eq_ignore_ascii_case("left");
        Ok(match name {
            "lpush" | "rpush" => {
                let list = self.list(key)?;
                for value in args.iter().skip(1) {
                    if name == "lpush" {
                        list.push_front(value.clone());
                    } else {
                        list.push_back(value.clone());
                    }
                }
                count(list.len())
            }
            "lpop" | "rpop" if args.len() == 1 => Reply::Bulk(self.take(key, name == "lpop")?),
            "lpop" | "rpop" => {
                let mut taken = Vec::new();
                for _ in 0..number(arg(1))? {
                    let Some(one) = self.take(key, name == "lpop")? else { break };
                    taken.push(one);
                }
                texts(taken.iter())
            }
            // A client that waits asks again; here is what there is now.
            "blpop" | "brpop" => {
                for key in args.iter().take(args.len().saturating_sub(1)) {
                    if let Some(taken) = self.take(key, name == "blpop")? {
                        return Ok(texts([key.clone(), taken].iter()));
                    }
                }
                Reply::Bulk(None)
            }
            "rpoplpush" | "brpoplpush" => self.shift((key, false), (arg(1), true))?,
            "lmove" | "blmove" => self.shift((key, left(2)), (arg(1), left(3)))?,
            "llen" => count(self.list(key)?.len()),
            "lindex" => {
                let list = self.list(key)?;
                let at = usize::try_from(place(number(arg(1))?, list.len())).ok();
                Reply::Bulk(at.and_then(|at| list.get(at)).cloned())
            }
            "lrem" => {
                let (limit, value) = (number(arg(1))?, arg(2));
                let list = self.list(key)?;
                let (before, mut left) = (list.len(), if limit == 0 { u64::MAX } else { limit.unsigned_abs() });
                let mut kept: Vec<String> = Vec::new();
                let mut all: Vec<String> = list.drain(..).collect();
                if limit < 0 {
                    all.reverse();
                }
                for one in all {
                    if one == value && left > 0 {
                        left -= 1;
                    } else {
                        kept.push(one);
                    }
                }
                if limit < 0 {
                    kept.reverse();
                }
                list.extend(kept);
                count(before - list.len())
            }
            _ => {
                let list = self.list(key)?;
                let (first, last) = (place(number(arg(1))?, list.len()), place(number(arg(2))?, list.len()));
                let (first, after) = (usize::try_from(first).unwrap_or(0), usize::try_from(last + 1).unwrap_or(0));
                texts(list.iter().take(after).skip(first))
            }
        })
    }

    fn collection_command(&mut self, name: &str, args: &[String]) -> Done {
        let arg = |at: usize| args.get(at).map_or("", String::as_str);
        let (key, rest) = (arg(0), args.get(1..).unwrap_or_default());
        Ok(match name {
            "sadd" => {
                let set = self.set(key)?;
                count(rest.iter().filter(|value| set.insert((*value).clone())).count())
            }
            "srem" => {
                let set = self.set(key)?;
                count(rest.iter().filter(|value| set.remove(*value)).count())
            }
            "smembers" => texts(self.set(key)?.iter()),
            "scard" => count(self.set(key)?.len()),
            "sismember" => Reply::Integer(i64::from(self.set(key)?.contains(arg(1)))),
            "hset" => {
                if rest.len() % 2 != 0 {
                    return Err("ERR wrong number of arguments for 'hset' command".to_owned());
                }
                let hash = self.hash(key)?;
                let before = hash.len();
                for pair in rest.chunks(2) {
                    if let [field, value] = pair {
                        hash.insert(field.clone(), value.clone());
                    }
                }
                count(hash.len() - before)
            }
            "hget" => Reply::Bulk(self.hash(key)?.get(arg(1)).cloned()),
            "hgetall" => texts(self.hash(key)?.iter().flat_map(|(field, value)| [field, value])),
            "hkeys" => texts(self.hash(key)?.keys()),
            "hdel" => {
                let hash = self.hash(key)?;
                count(rest.iter().filter(|field| hash.remove(*field).is_some()).count())
            }
            "hincrby" => {
                let by = number(arg(2))?;
                let hash = self.hash(key)?;
                let sum = number(hash.get(arg(1)).map_or("0", String::as_str))?.saturating_add(by);
                hash.insert(arg(1).to_owned(), sum.to_string());
                Reply::Integer(sum)
            }
            _ => count(self.hash(key)?.len()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn play(lines: &[(&str, &str)]) {
        let mut store = Store::default();
        for (line, want) in lines {
            let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
            let mut text = String::new();
            store.run(&words, Time::from_seconds(1)).encode(&mut text);
            assert_eq!(text.replace("\r\n", " "), format!("{want} "), "{line}");
        }
    }

    #[test]
    fn lists_are_queues() {
        play(&[
            ("rpush job2 apple banana", ":2"),
            ("LPUSH job2 cherry", ":3"),
            ("lrange job2 0 -1", "*3 $6 cherry $5 apple $6 banana"),
            ("lrange job2 -2 5", "*2 $5 apple $6 banana"),
            ("llen job2", ":3"),
            ("lmove job2 done left right", "$6 cherry"),
            ("blpop none job2 1", "*2 $4 job2 $5 apple"),
            ("rpoplpush job2 done", "$6 banana"),
            ("llen job2", ":0"),
            ("exists job2 done", ":1"),
            ("lrem done 0 cherry", ":1"),
            ("get done", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ]);
    }

    #[test]
    fn texts_count_and_commands_are_checked() {
        play(&[
            ("set a 1", "+OK"),
            ("incrby a 4", ":5"),
            ("set a 2 NX", "$-1"),
            ("get a", "$1 5"),
            ("get", "-ERR wrong number of arguments for 'get' command"),
            ("frob x", "-ERR unknown command 'frob', with args beginning with: 'x' "),
            ("set t x", "+OK"),
            ("incr t", "-ERR value is not an integer or out of range"),
            ("hset h f 1 g 2", ":2"),
            ("hgetall h", "*4 $1 f $1 1 $1 g $1 2"),
            ("keys *", "*3 $1 a $1 h $1 t"),
            ("expire a 0", ":1"),
            ("ttl a", ":-2"),
        ]);
    }
}
