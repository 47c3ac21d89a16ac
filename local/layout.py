"""Where everything that the local platform keeps lies."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Layout:
    """The folders of one clone; `state_dir` (default `.local/`) holds all that a second start finds again."""

    root: Path = ROOT
    state_dir: Path = ROOT / ".local"

    @property
    def azurite_install(self) -> Path:
        """Azurite as set-up installed it; shared by every state folder of the clone."""
        return self.root / ".local" / "azurite"

    @property
    def node_file(self) -> Path:
        """Which Node.js set-up chose."""
        return self.root / ".local" / "node.json"

    @property
    def azurite_data(self) -> Path:
        """What Azurite stores."""
        return self.state_dir / "azurite-data"

    @property
    def durable(self) -> Path:
        """One SQLite file per service with its durable state."""
        return self.state_dir / "durable"

    @property
    def keys(self) -> Path:
        """`<service>.jwk`: the private key of each service."""
        return self.state_dir / "keys"

    @property
    def signing(self) -> Path:
        """The identity service's own signing keys."""
        return self.state_dir / "signing"

    @property
    def secrets_file(self) -> Path:
        """The tenants' secrets for workflows, readable by the owner alone."""
        return self.state_dir / "secrets.json"

    @property
    def clients_file(self) -> Path:
        """The clients that the identity service knows."""
        return self.state_dir / "clients.json"

    @property
    def demo_client_file(self) -> Path:
        """The demo client's id and secret in clear, for the owner of this machine only."""
        return self.state_dir / "demo-client.json"

    @property
    def operator_client_file(self) -> Path:
        """The id and secret of the client by which the owner of this machine runs the platform (signing keys)."""
        return self.state_dir / "operator-client.json"

    @property
    def console_login_file(self) -> Path:
        """The user name and password of the development login, for the owner of this machine only."""
        return self.state_dir / "console-login.json"

    @property
    def users_file(self) -> Path:
        """The users that the development login knows."""
        return self.state_dir / "users.json"

    @property
    def signalr_key_file(self) -> Path:
        """The access key of the SignalR stand-in."""
        return self.state_dir / "signalr.key"

    @property
    def mail(self) -> Path:
        """The messages that the SMTP sink received, as .eml files."""
        return self.state_dir / "mail"

    @property
    def logs(self) -> Path:
        """`<process>.log`."""
        return self.state_dir / "logs"

    @property
    def envoy_file(self) -> Path:
        """The edge's rendered bootstrap."""
        return self.state_dir / "envoy.yaml"

    @property
    def state_file(self) -> Path:
        """What runs: ports, pids, status."""
        return self.state_dir / "state.json"

    @property
    def lock_file(self) -> Path:
        """Held by the one supervisor of this state folder."""
        return self.state_dir / "supervisor.lock"

    def make(self) -> None:
        """Create the folders; those with secrets are the owner's alone."""
        self.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        for folder in (self.azurite_data, self.durable, self.logs, self.mail):
            folder.mkdir(parents=True, exist_ok=True)
        for folder in (self.keys, self.signing):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
