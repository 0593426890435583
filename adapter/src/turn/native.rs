//! A site's own tool calls, brought towards what the client declared.

use super::tally::Tally;
use crate::{
    bridge::{
        arguments::{Body, Found},
        catalog::Catalog,
    },
    stream::delta::Call,
};

/// The call with its declared name and valid arguments, as far as that needs no guess; else as it is: the client's
/// own refusal tells the model more than ours could.
pub(super) fn fit(call: Call, catalog: &Catalog, tally: &Tally) -> Call {
    let found = Found { name: Some(call.name.clone()), body: Body::Arguments(call.arguments.clone()) };
    match found.fit(catalog).pop() {
        Some(Ok(fitting)) => {
            tally.emitted("native");
            if fitting.repaired {
                tally.repaired("json", "call");
            }
            Call { id: call.id, name: fitting.name, arguments: fitting.arguments }
        }
        Some(Err(misfit)) => {
            tally.invalid(misfit.into_invalid(String::new()).kind);
            call
        }
        None => call,
    }
}
