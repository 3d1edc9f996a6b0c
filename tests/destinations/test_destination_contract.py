"""Object stores and volumes keep the contract, also when several exporters open them at once."""

from support.contract import DestinationContract, paths, raced


class TestContract(DestinationContract):
    pass


def test_a_race_has_one_winner(opened):
    created = raced(opened)
    assert created == [opened().read("entry")]


def test_the_probe_is_content_and_leaves_nothing_new(opened):
    for _ in range(3):
        opened().probe()
    assert paths(opened()) == []
    assert len(list(opened().files())) <= 1
