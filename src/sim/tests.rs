//! The simulated cloud as a client meets it.

mod client;
mod cls;
mod cls_exact;
mod cls_lines;
mod cls_pages;
mod cls_refusals;
mod exact;
mod faulty;
mod served;
mod wire;
