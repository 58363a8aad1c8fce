//! What every kind shares: objects, names, selectors, field errors, the `Status` of a failure. Knows no kind's rules.

pub mod cel;
pub mod content;
mod decode;
pub mod facts;
pub mod field;
pub mod intern;
mod kinds;
pub mod labels;
pub mod managed_fields;
pub mod meta;
pub mod names;
mod object;
pub mod patch;
pub mod quantity;
mod status;

pub use decode::decode;
pub use object::{Kind, Object, ObjectKey, ResourceName, downcast};
pub use status::{Cause, Reason, Status};
