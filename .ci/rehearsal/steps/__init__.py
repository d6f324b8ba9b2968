"""The steps of the rehearsal, in their order. A step is a function of a `Stack`; the first line of its docstring says what
it shows. It raises `Unexpected` if it finds something else. A later step may use what an earlier one made.
"""

from rehearsal.steps import (
    alarms,
    backup,
    clients,
    create,
    edge,
    keys,
    mail,
    parameters,
    recreate,
    rollback,
    routes,
    standby,
    update,
    users,
)

STEPS = [
    *create.STEPS,
    *parameters.STEPS,
    *routes.STEPS,
    *users.STEPS,
    *clients.STEPS,
    *mail.STEPS,
    *keys.STEPS,
    *update.STEPS,
    *edge.STEPS,
    *alarms.STEPS,
    *rollback.STEPS,
    *recreate.STEPS,
    *backup.STEPS,
    *standby.STEPS,
]
