//! A question with yes or no for an answer, which is typed as a line.

use super::program::Context;
use crate::shell::program::{Read, Wait};

/// What has been typed of the answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    typed: Vec<u8>,
}

impl Answer {
    /// Whether it is yes: anything but `y` is no, and so is the end of the input.
    ///
    /// # Errors
    /// What to wait for while the line is not there.
    pub fn read(&mut self, cx: &mut Context<'_>) -> Result<bool, Wait> {
        while !self.typed.contains(&b'\n') {
            match cx.system.read(0, 1) {
                Ok(Read::Data(bytes)) => self.typed.extend(bytes),
                Ok(Read::WouldBlock) => return Err(Wait { readable: Some(0), ..Wait::default() }),
                Ok(Read::Eof) | Err(_) => break,
            }
        }
        Ok(String::from_utf8_lossy(&self.typed).trim().eq_ignore_ascii_case("y"))
    }
}
