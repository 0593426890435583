//! Secrets that are typed at a terminal, which shows nothing of them.
//!
//! The echo is off before the first prompt is written, and stays off until the last secret of a command is read: what is
//! typed ahead, or pasted with all its lines at once, would be shown in between. Whatever is left of it then is thrown
//! away, for the shell would show it, and run it.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
};

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use secrecy::SecretString;
use zeroize::Zeroizing;

/// More is no secret; the kernel keeps no longer line anyway.
const LONGEST: usize = 8 * 1024;
/// What Ctrl-C sends. It ends a line here instead of the process, which would leave the terminal without its echo.
const INTERRUPT: u8 = 3;

/// The process's own terminal while secrets are typed at it. Dropped, it is as it was before.
#[derive(Debug)]
pub struct EchoOff {
    terminal: BufReader<File>,
    before: Termios,
}

impl EchoOff {
    /// Switches the echo off.
    ///
    /// # Errors
    /// When the process has no terminal.
    pub fn begin() -> io::Result<Self> {
        let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&terminal)?;
        let mut unseen = before.clone();
        unseen.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ISIG);
        unseen.local_modes.insert(LocalModes::ICANON);
        unseen.special_codes[SpecialCodeIndex::VEOL] = INTERRUPT;
        // At once: what is still to be written must not hold it up, and what was typed ahead is an answer.
        tcsetattr(&terminal, OptionalActions::Now, &unseen)?;
        Ok(Self { terminal: BufReader::new(terminal), before })
    }

    /// Writes a prompt and reads a line.
    ///
    /// # Errors
    /// When the terminal is gone or closed, Ctrl-C was pressed, or what was typed is no text.
    pub fn ask(&mut self, prompt: &str) -> io::Result<SecretString> {
        self.terminal.get_mut().write_all(format!("{prompt}: ").as_bytes())?;
        let mut line = Zeroizing::new(Vec::new());
        loop {
            let typed = self.terminal.fill_buf()?;
            let Some(at) = typed.iter().position(|byte| matches!(*byte, b'\n' | INTERRUPT)) else {
                let count = typed.len();
                if count == 0 || LONGEST < line.len() + count {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                line.extend_from_slice(typed);
                self.terminal.consume(count);
                continue;
            };
            let last = typed[at];
            line.extend_from_slice(&typed[..at]);
            self.terminal.consume(at + 1);
            // What Enter would have shown.
            self.terminal.get_mut().write_all(b"\n")?;
            if last == INTERRUPT {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let text = std::str::from_utf8(&line).map_err(|_| io::ErrorKind::InvalidData)?;
            return Ok(text.trim_end_matches('\r').into());
        }
    }
}

impl Drop for EchoOff {
    fn drop(&mut self) {
        // Where the terminal is gone, nothing is to be put back.
        tcsetattr(self.terminal.get_ref(), OptionalActions::Flush, &self.before).ok();
    }
}
