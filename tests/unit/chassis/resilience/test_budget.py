from chassis.resilience.budget import RetryBudget


def test_a_fresh_budget_allows_its_savings_and_no_more() -> None:
    budget = RetryBudget(share=0.2, most=3)
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]


def test_five_calls_earn_one_retry() -> None:
    budget = RetryBudget(share=0.25, most=1)
    assert budget.spend()
    for _ in range(3):
        budget.earn()
    assert not budget.spend()
    budget.earn()
    assert budget.spend()


def test_savings_are_bounded() -> None:
    budget = RetryBudget(share=1, most=2)
    for _ in range(100):
        budget.earn()
    assert [budget.spend() for _ in range(3)] == [True, True, False]
