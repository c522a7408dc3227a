"""A stand-in Kickserv: its XML API over a generated company, with its quirks and, on demand, its bad days."""

from transload_sandbox.kickserv.app import build_app
from transload_sandbox.kickserv.company import Company, CompanyState
from transload_sandbox.kickserv.faults import Faults
from transload_sandbox.kickserv.service import INFERRED_ENDPOINTS, KickservService, Switches

__all__ = ["INFERRED_ENDPOINTS", "Company", "CompanyState", "Faults", "KickservService", "Switches", "build_app"]
