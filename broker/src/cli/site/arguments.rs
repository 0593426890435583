//! What stands on the command line of `site try` and `site record`.

use std::path::PathBuf;

use clap::Args;

#[derive(Debug, Args)]
pub(in crate::cli) struct RecordArguments {
    /// Where the site is
    #[arg(long)]
    pub(in crate::cli) url: String,
    /// The file to write; never over one that is there. The site is named after it
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: PathBuf,
    /// A file of `[[login.steps]]` that are done in your place, without a display; the password is read from standard
    /// input
    #[arg(long, value_name = "FILE", requires = "username")]
    pub(in crate::cli) script: Option<PathBuf>,
    /// What stands for {username} in the script
    #[arg(long)]
    pub(in crate::cli) username: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct TryArguments {
    /// The file
    pub(in crate::cli) file: PathBuf,
    /// Where the site is, if the file does not say so
    #[arg(long)]
    pub(in crate::cli) url: Option<String>,
    /// What the site calls the user
    #[arg(long)]
    pub(in crate::cli) username: String,
    /// What the site is asked
    #[arg(long, default_value = "What is a latchkey? Answer in one sentence.")]
    pub(in crate::cli) question: String,
    /// The model; the first that the site has by default
    #[arg(long)]
    pub(in crate::cli) model: Option<String>,
    /// Sign in only
    #[arg(long)]
    pub(in crate::cli) no_question: bool,
    /// Directory for a masked picture after each step; one of a failure is taken in any case
    #[arg(long, value_name = "DIRECTORY")]
    pub(in crate::cli) screenshots: Option<PathBuf>,
}
