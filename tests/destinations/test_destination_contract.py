"""Object stores and volumes keep the contract, also when several exporters open them at once."""

import threading

from support.contract import DestinationContract, paths


class TestContract(DestinationContract):
    pass


def test_a_race_has_one_winner(opened):
    writers = 6
    start = threading.Barrier(writers)
    created = []

    def write(number):
        mine = opened()
        start.wait()
        if mine.create("entry", b"%d" % number):
            created.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(created) == 1
    assert opened().read("entry") == b"%d" % created[0]


def test_the_probe_is_content_and_leaves_nothing_new(opened):
    for _ in range(3):
        opened().probe()
    assert paths(opened()) == []
    assert len(list(opened().files())) <= 1
