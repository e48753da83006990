use super::support::{Fault, Machine, run};

#[tokio::test]
async fn without_a_node_roam_is_asked_and_has_as_long_as_was_typed() {
    let machine = Machine::with_roam().await;
    machine.garden();
    let done = run(machine.home(), &["call", "search", "--query", "beds"], "").await;
    assert!(done.code == Some(0) && done.out.contains("bedsblock"), "{done:?}");

    machine.next([Fault::Hang]);
    let write = ["call", "--roam-timeout", "1", "create-block", "--page-title", "Garden", "--markdown", "x"];
    let lost = run(machine.home(), &write, "").await;
    assert!(lost.code == Some(1) && lost.err.contains("within 1 s"), "{lost:?}");
    assert!(lost.err.contains("OUTCOME_UNKNOWN"), "{lost:?}");
    assert_eq!(machine.calls().len(), 2, "a write is not sent again");
}
