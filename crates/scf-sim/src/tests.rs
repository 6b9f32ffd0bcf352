//! Tests of the simulated cloud through its APIs.

mod api3;
mod client;
mod client3;
mod cls;
mod cls_lines;
mod cls_pages;
mod cls_refusals;
mod exact;
mod keys;
mod logs;
mod served;
mod v2;
