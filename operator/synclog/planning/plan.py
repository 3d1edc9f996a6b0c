"""The decision: what an export needs now, from what is observed and the time.

The order of thought: read the spec; put together what is known of the ledger; account for
runs that ended; see what has come due; fill the two slots; describe. Each step is a function
of its own in a module of its own; this one only connects them.
"""

from synclog.api.status import ConditionType
from synclog.planning.agenda import set_agenda
from synclog.planning.books import account
from synclog.planning.conditions import Finding
from synclog.planning.errors import SpecError
from synclog.planning.intent import read_intent
from synclog.planning.model import Observed, Plan
from synclog.planning.refusal import refuse
from synclog.planning.report import report
from synclog.windows import Instant


def plan(observed: Observed, now: Instant) -> Plan:
    """Decide what to do about one SyncLogExport.

    The same observation at the same time gives the same plan. Whatever is lost between a plan
    and its execution, planning again from what is then observed comes to the same end.

    Args:
        observed: the resource, its status and its runs.
        now: the time.
    """
    try:
        intent = read_intent(observed.spec, observed.namespace, observed.name)
    except SpecError as error:
        finding = Finding(ConditionType.READY, False, "InvalidSpec", str(error))
        return refuse(observed.spec, observed.status, observed.generation, finding, now)
    books = account(observed, intent, now)
    agenda = set_agenda(observed, intent, books, now)
    return report(observed, intent, books, agenda, now)
