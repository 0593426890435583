//! Accounts stay signed in: whatever ends a session, the next one is there before anybody notices.

mod on_demand;
