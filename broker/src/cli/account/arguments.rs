//! What stands on the command line of `account ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(in crate::cli) enum AccountCommand {
    /// Add an account and sign it in; asks for the password, or reads it from standard input
    Add(AddArguments),
    /// List accounts
    List(FilterArguments),
    /// Show one account
    Show {
        /// Its id or its label
        account: String,
    },
    /// Change what one account is called, where it belongs and what it may do
    Set(SetArguments),
    /// Change one account's password, or its TOTP seed, and sign it in; asks for them, or reads them from standard input
    Credentials(CredentialsArguments),
    /// Give one account a session or a key of the site's API, which is proved first; asks for it, or reads it from
    /// standard input
    Session(SessionArguments),
    /// Sign one account in now and show each step
    Login {
        /// Its id or its label
        account: String,
    },
    /// Give the fields of a damaged account that cannot be read their first values
    Repair {
        /// Its id or its label
        account: String,
    },
    /// Remove one account, its credentials and its session
    Rm {
        /// Its id or its label
        account: String,
    },
}

#[derive(Debug, Args)]
pub(in crate::cli) struct AddArguments {
    /// Name of the site
    #[arg(long)]
    pub(in crate::cli) site: String,
    /// What the site calls the user; without it, nothing is typed and the account is given its sessions
    #[arg(long, required_unless_present = "label")]
    pub(in crate::cli) username: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) seed: SeedArguments,
    /// What to call the account here; the username by default
    #[arg(long)]
    pub(in crate::cli) label: Option<String>,
    /// Pool that it belongs to; repeat it for several
    #[arg(long = "pool", value_name = "POOL")]
    pub(in crate::cli) pools: Vec<String>,
    /// Its share of the turns beside other accounts; 1 by default
    #[arg(long)]
    pub(in crate::cli) weight: Option<u32>,
    /// Streams at once, if the site's own limit does not suit
    #[arg(long)]
    pub(in crate::cli) concurrency: Option<u32>,
    /// Turns that begin within a minute, if the site's own limit does not suit
    #[arg(long)]
    pub(in crate::cli) requests_per_minute: Option<u32>,
    /// Cron expression (UTC) of logins besides the refreshes
    #[arg(long)]
    pub(in crate::cli) schedule: Option<String>,
    /// Do not sign in yet
    #[arg(long)]
    pub(in crate::cli) no_login: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct CredentialsArguments {
    /// Its id or its label
    pub(in crate::cli) account: String,
    /// What the site calls the user, if that changes; password and TOTP seed are then other ones too
    #[arg(long)]
    pub(in crate::cli) username: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) seed: SeedArguments,
    /// The site asks for no codes any more: forget the TOTP seed
    #[arg(long, conflicts_with = "totp_picture")]
    pub(in crate::cli) no_totp: bool,
    /// Do not sign in yet
    #[arg(long)]
    pub(in crate::cli) no_login: bool,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SeedArguments {
    /// Picture (PNG or JPEG) of the QR code that the site shows at enrolment, in place of a typed TOTP seed
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) totp_picture: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SessionArguments {
    /// Its id or its label
    pub(in crate::cli) account: String,
    #[command(flatten)]
    pub(in crate::cli) form: SessionForms,
    /// Read it from this file
    #[arg(long, value_name = "PATH")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// When it ends, if nothing in it says so, like 2026-12-24T18:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(in crate::cli) expires_at: Option<String>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct SessionForms {
    /// It is a token, sent as `Authorization: Bearer`
    #[arg(long)]
    pub(in crate::cli) bearer: bool,
    /// It is a Cookie header, as the browser's tools show it
    #[arg(long)]
    pub(in crate::cli) cookies: bool,
    /// It is the JSON that Playwright's storageState writes
    #[arg(long)]
    pub(in crate::cli) storage_state: bool,
    /// It is a key of the site's API, which has no end
    #[arg(long)]
    pub(in crate::cli) api_key: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(in crate::cli) enum SessionForm {
    Bearer,
    Cookies,
    StorageState,
    ApiKey,
}

impl SessionArguments {
    pub(in crate::cli) fn form(&self) -> SessionForm {
        match &self.form {
            SessionForms { bearer: true, .. } => SessionForm::Bearer,
            SessionForms { cookies: true, .. } => SessionForm::Cookies,
            SessionForms { storage_state: true, .. } => SessionForm::StorageState,
            SessionForms { .. } => SessionForm::ApiKey,
        }
    }
}

impl SessionForm {
    /// Its name in the API.
    pub(in crate::cli) fn field(self) -> &'static str {
        self.into()
    }

    /// Its name on a terminal.
    pub(in crate::cli) fn title(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer token",
            Self::Cookies => "Cookie header",
            Self::StorageState => "Storage state",
            Self::ApiKey => "API key",
        }
    }
}

#[derive(Debug, Default, Args)]
pub(in crate::cli) struct FilterArguments {
    /// Only of this site
    #[arg(long)]
    pub(in crate::cli) site: Option<String>,
    /// Only of this pool
    #[arg(long)]
    pub(in crate::cli) pool: Option<String>,
    /// Only those that stand so, like `active` or `needs_human`; a wrong word is answered with all of them
    #[arg(long)]
    pub(in crate::cli) state: Option<String>,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct SetArguments {
    /// Its id or its label
    pub(in crate::cli) account: String,
    /// What to call it here
    #[arg(long)]
    pub(in crate::cli) label: Option<String>,
    /// Pool that it belongs to from now on, and to no other; repeat it for several
    #[arg(long = "pool", value_name = "POOL", conflicts_with = "no_pools")]
    pub(in crate::cli) pools: Vec<String>,
    /// Take it out of every pool
    #[arg(long)]
    pub(in crate::cli) no_pools: bool,
    /// Its share of the turns beside other accounts
    #[arg(long)]
    pub(in crate::cli) weight: Option<u32>,
    /// Streams at once; `site` for the site's own limit
    #[arg(long, value_name = "N|site")]
    pub(in crate::cli) concurrency: Option<String>,
    /// Turns that begin within a minute; `site` for the site's own limit
    #[arg(long, value_name = "N|site")]
    pub(in crate::cli) requests_per_minute: Option<String>,
    /// Cron expression (UTC) of logins besides the refreshes; `none` for none
    #[arg(long, value_name = "CRON|none")]
    pub(in crate::cli) schedule: Option<String>,
    /// Switch it off
    #[arg(long, conflicts_with = "enable")]
    pub(in crate::cli) disable: bool,
    /// Switch it on again
    #[arg(long)]
    pub(in crate::cli) enable: bool,
}
