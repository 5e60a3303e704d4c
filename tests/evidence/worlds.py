"""The worlds of providers in which the rows of the evidence run, and which row runs in which.

What the token endpoint does there is the fake's (`rotator.local.ims_worlds`); beside it stands what
a team would have to set for such a provider.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rotator.local.ims_worlds import REFUSAL_RESPONSES, WORLDS

SCOPE = "openid,AdobeID,read_organizations"
GENERIC = {"provider": "generic", "auth_method": "client_secret_post", "scope": SCOPE}
UNTRUSTED_S = 86_399


@dataclass(frozen=True, slots=True)
class StageWorld:
    """One kind of provider on the stage of faults and races.

    `credentials` are fields beside client id and secret, `refused_first` puts a client secret in
    front that the provider refuses, `watched` says that the job runs with `--probe-stored`, `later`
    is what changes at the provider once the stored token was minted. In a world that is `decisive`
    the job takes other ways than at Adobe; in the others only the answer to a mint looks different.
    """

    name: str
    later: Mapping[str, Any] = field(default_factory=dict)
    credentials: Mapping[str, Any] = field(default_factory=dict)
    refused_first: bool = False
    watched: bool = False
    decisive: bool = False

    @property
    def ims(self) -> Mapping[str, Any]:
        return {} if self.later else WORLDS[self.name]

    def case(self, start: str) -> str:
        """What a case that starts so is called in this world."""
        return start if self is AS_DOCUMENTED else f"{self.name}: {start}"


AS_DOCUMENTED = StageWorld("as documented")
CACHED = StageWorld("cached tokens", decisive=True)
ONE_ACTIVE = StageWorld(
    "one active token", credentials={"single_active": True}, watched=True, decisive=True
)

STAGE_WORLDS = (
    CACHED,
    ONE_ACTIVE,
    StageWorld("lives that shorten", {"token_lifetime_s": 2 * 3_600}),
    StageWorld("lives that lengthen", {"token_lifetime_s": 36 * 3_600}),
    StageWorld("announced too long", credentials=GENERIC, watched=True),
    StageWorld("announced too short"),
    StageWorld("no token_type", credentials={"token_type_policy": "assume_bearer"}),
    StageWorld("token_type BearerToken", credentials={"token_type_policy": "assume_bearer"}),
    StageWorld(
        "Apigee",
        credentials={"provider": "apigee", "auth_method": "client_secret_post", "scope": SCOPE},
    ),
    StageWorld("201 Created"),
    StageWorld("no expires_in", credentials={"lifetime_s": UNTRUSTED_S}),
    StageWorld("expires_in a string"),
    *(StageWorld(f"refuses like {name}", refused_first=True) for name in REFUSAL_RESPONSES),
)
"""All in which a token can be minted; what a mint refuses is in the menu of faults."""
