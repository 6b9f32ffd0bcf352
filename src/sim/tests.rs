//! The simulated cloud as a client meets it.

mod client;
mod client3;
mod doors;
mod exact;
mod faulty;
mod functions;
mod keys;
mod logs;
mod served;
mod wire;
