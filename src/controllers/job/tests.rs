//! The Job controller's rules as tables.
