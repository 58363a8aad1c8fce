//! Which functions and operators there are, and what they take: one line an overload.
//!
//! Models google/cel-go common/stdlib, ext/{strings,lists,sets}, cel/library.go and Kubernetes 1.36
//! staging/src/k8s.io/apiserver/pkg/cel/library. Leaves out the authorizer, which rules of definitions do not have.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::types::Type;

/// `name receiver (arguments) result`; a receiver of `-` makes a function of its own. Capital letters are open types.
const OVERLOADS: &str = "\
_?_:_ - (bool, A, A) A
_&&_ - (bool, bool) bool
_||_ - (bool, bool) bool
!_ - (bool) bool
_==_ - (A, A) bool
_!=_ - (A, A) bool
-_ - (int) int
-_ - (double) double
_+_ - (bytes, bytes) bytes
_+_ - (double, double) double
_+_ - (duration, duration) duration
_+_ - (duration, timestamp) timestamp
_+_ - (timestamp, duration) timestamp
_+_ - (int, int) int
_+_ - (list(A), list(A)) list(A)
_+_ - (string, string) string
_+_ - (uint, uint) uint
_-_ - (double, double) double
_-_ - (duration, duration) duration
_-_ - (int, int) int
_-_ - (timestamp, duration) timestamp
_-_ - (timestamp, timestamp) duration
_-_ - (uint, uint) uint
_*_ - (double, double) double
_*_ - (int, int) int
_*_ - (uint, uint) uint
_/_ - (double, double) double
_/_ - (int, int) int
_/_ - (uint, uint) uint
_%_ - (int, int) int
_%_ - (uint, uint) uint
_[_] - (list(A), int) A
_[_] - (map(A, B), A) B
_[_] - (optional(list(A)), int) optional(A)
_[_] - (optional(map(A, B)), A) optional(B)
_[?_] - (list(A), int) optional(A)
_[?_] - (optional(list(A)), int) optional(A)
_[?_] - (map(A, B), A) optional(B)
_[?_] - (optional(map(A, B)), A) optional(B)
@in - (A, list(A)) bool
@in - (A, map(A, B)) bool
size - (bytes) int
size bytes () int
size - (list(A)) int
size list(A) () int
size - (map(A, B)) int
size map(A, B) () int
size - (string) int
size string () int
type - (A) type(A)
dyn - (A) dyn
bool - (bool) bool
bool - (string) bool
bytes - (bytes) bytes
bytes - (string) bytes
double - (double) double
double - (int) double
double - (string) double
double - (uint) double
duration - (duration) duration
duration - (int) duration
duration - (string) duration
int - (int) int
int - (double) int
int - (duration) int
int - (string) int
int - (timestamp) int
int - (uint) int
uint - (uint) uint
uint - (double) uint
uint - (int) uint
uint - (string) uint
string - (string) string
string - (bool) string
string - (bytes) string
string - (double) string
string - (duration) string
string - (int) string
string - (timestamp) string
string - (uint) string
string - (net.IP) string
string - (net.CIDR) string
timestamp - (timestamp) timestamp
timestamp - (int) timestamp
timestamp - (string) timestamp
contains string (string) bool
endsWith string (string) bool
startsWith string (string) bool
matches string (string) bool
matches - (string, string) bool
getFullYear timestamp () int
getFullYear timestamp (string) int
getMonth timestamp () int
getMonth timestamp (string) int
getDayOfYear timestamp () int
getDayOfYear timestamp (string) int
getDayOfMonth timestamp () int
getDayOfMonth timestamp (string) int
getDate timestamp () int
getDate timestamp (string) int
getDayOfWeek timestamp () int
getDayOfWeek timestamp (string) int
getHours timestamp () int
getHours timestamp (string) int
getHours duration () int
getMinutes timestamp () int
getMinutes timestamp (string) int
getMinutes duration () int
getSeconds timestamp () int
getSeconds timestamp (string) int
getSeconds duration () int
getMilliseconds timestamp () int
getMilliseconds timestamp (string) int
getMilliseconds duration () int
charAt string (int) string
indexOf string (string) int
indexOf string (string, int) int
indexOf list(A) (A) int
lastIndexOf string (string) int
lastIndexOf string (string, int) int
lastIndexOf list(A) (A) int
lowerAscii string () string
upperAscii string () string
replace string (string, string) string
replace string (string, string, int) string
split string (string) list(string)
split string (string, int) list(string)
substring string (int) string
substring string (int, int) string
trim string () string
join list(string) () string
join list(string) (string) string
format string (list(dyn)) string
strings.quote - (string) string
find string (string) string
findAll string (string) list(string)
findAll string (string, int) list(string)
slice list(A) (int, int) list(A)
flatten list(list(A)) () list(A)
flatten list(dyn) (int) list(dyn)
sort list(int) () list(int)
sort list(uint) () list(uint)
sort list(double) () list(double)
sort list(bool) () list(bool)
sort list(duration) () list(duration)
sort list(timestamp) () list(timestamp)
sort list(string) () list(string)
sort list(bytes) () list(bytes)
lists.range - (int) list(int)
reverse list(A) () list(A)
distinct list(A) () list(A)
sets.contains - (list(A), list(A)) bool
sets.equivalent - (list(A), list(A)) bool
sets.intersects - (list(A), list(A)) bool
optional.of - (A) optional(A)
optional.ofNonZeroValue - (A) optional(A)
optional.none - () optional(A)
optional.unwrap - (list(optional(A))) list(A)
unwrapOpt list(optional(A)) () list(A)
value optional(A) () A
hasValue optional(A) () bool
or optional(A) (optional(A)) optional(A)
orValue optional(A) (A) A
first list(A) () optional(A)
last list(A) () optional(A)
quantity - (string) kubernetes.Quantity
isQuantity - (string) bool
sign - (kubernetes.Quantity) int
isGreaterThan kubernetes.Quantity (kubernetes.Quantity) bool
isLessThan kubernetes.Quantity (kubernetes.Quantity) bool
compareTo kubernetes.Quantity (kubernetes.Quantity) int
asApproximateFloat kubernetes.Quantity () double
asInteger kubernetes.Quantity () int
isInteger kubernetes.Quantity () bool
add kubernetes.Quantity (kubernetes.Quantity) kubernetes.Quantity
add kubernetes.Quantity (int) kubernetes.Quantity
sub kubernetes.Quantity (kubernetes.Quantity) kubernetes.Quantity
sub kubernetes.Quantity (int) kubernetes.Quantity
url - (string) kubernetes.URL
isURL - (string) bool
getScheme kubernetes.URL () string
getHost kubernetes.URL () string
getHostname kubernetes.URL () string
getPort kubernetes.URL () string
getEscapedPath kubernetes.URL () string
getQuery kubernetes.URL () map(string, list(string))
ip - (string) net.IP
isIP - (string) bool
ip.isCanonical - (string) bool
family net.IP () int
isUnspecified net.IP () bool
isLoopback net.IP () bool
isLinkLocalMulticast net.IP () bool
isLinkLocalUnicast net.IP () bool
isGlobalUnicast net.IP () bool
cidr - (string) net.CIDR
isCIDR - (string) bool
containsIP net.CIDR (string) bool
containsIP net.CIDR (net.IP) bool
containsCIDR net.CIDR (string) bool
containsCIDR net.CIDR (net.CIDR) bool
ip net.CIDR () net.IP
prefixLength net.CIDR () int
masked net.CIDR () net.CIDR
semver - (string) kubernetes.Semver
semver - (string, bool) kubernetes.Semver
isSemver - (string) bool
isSemver - (string, bool) bool
isGreaterThan kubernetes.Semver (kubernetes.Semver) bool
isLessThan kubernetes.Semver (kubernetes.Semver) bool
compareTo kubernetes.Semver (kubernetes.Semver) int
major kubernetes.Semver () int
minor kubernetes.Semver () int
patch kubernetes.Semver () int
validate kubernetes.NamedFormat (string) optional(list(string))
format.named - (string) optional(kubernetes.NamedFormat)
format.dns1123Label - () kubernetes.NamedFormat
format.dns1123Subdomain - () kubernetes.NamedFormat
format.dns1035Label - () kubernetes.NamedFormat
format.qualifiedName - () kubernetes.NamedFormat
format.dns1123LabelPrefix - () kubernetes.NamedFormat
format.dns1123SubdomainPrefix - () kubernetes.NamedFormat
format.dns1035LabelPrefix - () kubernetes.NamedFormat
format.labelValue - () kubernetes.NamedFormat
format.uri - () kubernetes.NamedFormat
format.uuid - () kubernetes.NamedFormat
format.byte - () kubernetes.NamedFormat
format.date - () kubernetes.NamedFormat
format.datetime - () kubernetes.NamedFormat
";

/// What can be compared; numbers of every kind with one another.
const COMPARABLE: [&str; 8] = ["bool", "int", "uint", "double", "string", "bytes", "timestamp", "duration"];
/// The same in the order in which lists are tried: an empty one is of the first.
const LISTED: [&str; 8] = ["int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"];
/// What `list.sum()` takes.
const SUMMABLE: [&str; 4] = ["int", "uint", "double", "duration"];

/// One way to call a function.
#[derive(Debug)]
pub(super) struct Overload {
    /// Whether it stands after a dot.
    pub(super) member: bool,
    /// What it takes, what it is called on first.
    pub(super) arguments: Vec<Type>,
    /// What it gives.
    pub(super) result: Type,
}

/// Whether a function has this name.
pub(super) fn is_known(name: &str) -> bool {
    OVERLOADS.lines().any(|line| line.split(' ').next() == Some(name))
        || matches!(name, "_<_" | "_<=_" | "_>_" | "_>=_" | "isSorted" | "min" | "max" | "sum")
        || AUTHORIZER.contains(&name)
}

/// Functions that are known and that nothing here can be given to.
const AUTHORIZER: [&str; 14] = [
    "path",
    "group",
    "serviceAccount",
    "resource",
    "subresource",
    "namespace",
    "name",
    "check",
    "allowed",
    "reason",
    "errored",
    "error",
    "fieldSelector",
    "labelSelector",
];

/// All ways to call a function; the open types of each are numbered from `next` on.
pub(super) fn overloads(name: &str, next: &mut u32) -> Vec<Overload> {
    let mut all = Vec::new();
    for line in OVERLOADS.lines() {
        let Some(rest) = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' ')) else { continue };
        all.push(overload(rest, next));
    }
    let mut add = |text: String| all.push(overload(&text, next));
    match name {
        "_<_" | "_<=_" | "_>_" | "_>=_" => {
            COMPARABLE.iter().for_each(|one| add(format!("- ({one}, {one}) bool")));
            let numbers = ["int", "uint", "double"];
            for (one, other) in numbers.iter().flat_map(|one| numbers.iter().map(move |other| (one, other))) {
                if one != other {
                    add(format!("- ({one}, {other}) bool"));
                }
            }
        }
        "isSorted" => LISTED.iter().for_each(|one| add(format!("list({one}) () bool"))),
        "min" | "max" => LISTED.iter().for_each(|one| add(format!("list({one}) () {one}"))),
        "sum" => SUMMABLE.iter().for_each(|one| add(format!("list({one}) () {one}"))),
        _ => {}
    }
    all
}

fn overload(text: &str, next: &mut u32) -> Overload {
    let mut reader = Reader { text, open: BTreeMap::new(), next };
    let member = !reader.take("- ");
    let mut arguments = Vec::new();
    if member {
        arguments.push(reader.one());
        reader.take(" ");
    }
    reader.take("(");
    arguments.extend(reader.until_close());
    reader.take(" ");
    Overload { member, arguments, result: reader.one() }
}

struct Reader<'a> {
    text: &'a str,
    open: BTreeMap<char, Type>,
    next: &'a mut u32,
}

impl Reader<'_> {
    fn take(&mut self, word: &str) -> bool {
        let rest = self.text.strip_prefix(word);
        self.text = rest.unwrap_or(self.text);
        rest.is_some()
    }

    fn until_close(&mut self) -> Vec<Type> {
        let mut all = Vec::new();
        while !self.take(")") && !self.text.is_empty() {
            all.push(self.one());
            self.take(", ");
        }
        all
    }

    fn one(&mut self) -> Type {
        let end = self.text.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(self.text.len());
        let (name, rest) = self.text.split_at(end);
        self.text = rest;
        let parts = if self.take("(") { self.until_close() } else { Vec::new() };
        let mut parts = parts.into_iter();
        let mut part = || parts.next().unwrap_or(Type::Dyn);
        match name {
            "list" => Type::list(part()),
            "map" => Type::map(part(), part()),
            "optional" => Type::optional(part()),
            "type" => Type::Kind(Some(Arc::new(part()))),
            _ => match (plain(name), name.chars().next()) {
                (Some(known), _) => known,
                (None, Some(letter)) => {
                    let next = &mut *self.next;
                    let fresh = || {
                        *next += 1;
                        Type::Var(*next - 1)
                    };
                    self.open.entry(letter).or_insert_with(fresh).clone()
                }
                (None, None) => Type::Dyn,
            },
        }
    }
}

/// The types of the libraries.
const OPAQUE: [&str; 6] =
    ["kubernetes.Quantity", "kubernetes.URL", "net.IP", "net.CIDR", "kubernetes.Semver", "kubernetes.NamedFormat"];

fn plain(name: &str) -> Option<Type> {
    Some(match name {
        "dyn" => Type::Dyn,
        "bool" => Type::Bool,
        "int" => Type::Int,
        "uint" => Type::Uint,
        "double" => Type::Double,
        "string" => Type::Str,
        "bytes" => Type::Bytes,
        "duration" | "google.protobuf.Duration" => Type::Duration,
        "timestamp" | "google.protobuf.Timestamp" => Type::Timestamp,
        _ => Type::Opaque(OPAQUE.iter().find(|known| **known == name)?, Arc::default()),
    })
}

/// The type that a name stands for where a value is wanted: `type(self) == string`.
pub(super) fn named_type(name: &str) -> Option<Type> {
    let of = match name {
        "list" => Type::list(Type::Dyn),
        "map" => Type::map(Type::Dyn, Type::Dyn),
        "null_type" => Type::Null,
        "type" => Type::Kind(None),
        "optional_type" => Type::optional(Type::Dyn),
        // Of these the short names are functions alone.
        "duration" | "timestamp" | "dyn" => return None,
        _ => plain(name)?,
    };
    Some(Type::Kind(Some(Arc::new(of))))
}
