//! The simulated cloud as a client meets it.

mod client;
mod exact;
mod faulty;
mod served;
mod wire;
