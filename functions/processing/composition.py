"""What the processing service is made of, opened when first used."""

from functools import cache

from chassis.runtime import runtime_for
from functions.processing.artefacts import Artefacts
from functions.processing.datasets import Datasets
from functions.processing.jobs import Jobs
from functions.processing.memory import keep_freed_memory
from functions.processing.metadata import Metadata
from functions.processing.planning import Planner
from functions.processing.progress import ProgressMeter
from functions.processing.reduction import Reducer
from functions.processing.repository import DatasetRepository, WorkRepository
from functions.processing.steps import JobSteps
from functions.processing.workers import Workers

runtime = runtime_for("processing")
DATASETS, WORK, CHUNKS = "processingdatasets", "processingwork", "processingchunks"
CHUNK_QUEUES = ("processing-chunks-0", "processing-chunks-1")
"""The partitions; chunk n goes to partition n modulo their number."""


@cache
def artefacts() -> Artefacts:
    """The blobs that work makes."""
    return Artefacts(runtime.blobs.container("processing-work"))


@cache
def datasets() -> Datasets:
    """The uploaded datasets."""
    rows = DatasetRepository(runtime.tables.table(DATASETS))
    return Datasets(rows, runtime.blobs.container("processing-datasets"))


@cache
def work() -> WorkRepository:
    """The rows of validations and jobs, and of their chunks."""
    return WorkRepository(runtime.tables.table(WORK), runtime.tables.table(CHUNKS))


@cache
def jobs() -> Jobs:
    """Accepts, describes and discards validations and jobs."""
    return Jobs(work(), artefacts(), datasets())


@cache
def steps() -> JobSteps:
    """The steps of the durable orchestration."""
    metadata = Metadata(runtime.services)
    planner = Planner(datasets(), work(), artefacts(), metadata)
    return JobSteps(work(), artefacts(), planner, Reducer(work(), artefacts()), runtime.queues, CHUNK_QUEUES)


@cache
def workers() -> Workers:
    """Does the chunks."""
    keep_freed_memory()
    meter = ProgressMeter(runtime.progress)
    return Workers(work(), artefacts(), datasets(), Metadata(runtime.services), meter)
