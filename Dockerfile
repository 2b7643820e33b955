# syntax=docker/dockerfile:1
# One image for every role: client, scheduler, workers, operator, dask-kubernetes controller.
#
# Layers from the bottom: the base, the dependencies of the lock file, modelrun itself. A change
# of the source rebuilds only the last one.
#
# Where the network wants its own certificate authority, hand its bundle over as a secret:
#   docker build --secret id=ca-bundle,src=/etc/ssl/certs/ca-certificates.crt .

ARG BASE_IMAGE=docker.io/library/python:3.13-slim

# ---- what the lock file says, as pip understands it -----------------------------------------
FROM ${BASE_IMAGE} AS lock
RUN --mount=type=secret,id=ca-bundle,required=false \
    if [ -s /run/secrets/ca-bundle ]; then export PIP_CERT=/run/secrets/ca-bundle; fi; \
    python3 -m venv /opt/uv \
    && /opt/uv/bin/pip install --no-cache-dir --disable-pip-version-check uv==0.13.9
WORKDIR /source
COPY pyproject.toml uv.lock ./
RUN /opt/uv/bin/uv export --frozen --offline --quiet --no-emit-project --no-default-groups \
        --all-extras --output-file /requirements.txt

# ---- modelrun as a wheel: the only place with a compiler ------------------------------------
FROM ${BASE_IMAGE} AS wheel
RUN --mount=type=secret,id=ca-bundle,required=false \
    headers="$(python3 -c 'import sysconfig; print(sysconfig.get_path("include"))')/Python.h"; \
    packages="gcc libc6-dev"; \
    if [ ! -e "$headers" ]; then packages="$packages python3-dev"; fi; \
    apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $packages \
    && rm -rf /var/lib/apt/lists/*
RUN --mount=type=secret,id=ca-bundle,required=false \
    if [ -s /run/secrets/ca-bundle ]; then export PIP_CERT=/run/secrets/ca-bundle; fi; \
    python3 -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --disable-pip-version-check "setuptools>=80" wheel
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY operator/src operator/src
COPY app/src app/src
RUN /opt/build/bin/pip wheel --no-deps --no-build-isolation --no-index --wheel-dir /wheels . \
    && python3 -c "import glob, sys, zipfile; \
names = zipfile.ZipFile(glob.glob('/wheels/*.whl')[0]).namelist(); \
sys.exit(not any(n.endswith('.so') for n in names) and 'the wheel lacks its compiled module')"

# ---- the dependencies, in a layer of their own ----------------------------------------------
FROM ${BASE_IMAGE} AS dependencies
COPY --from=lock /requirements.txt /opt/requirements.txt
RUN --mount=type=secret,id=ca-bundle,required=false \
    if [ -s /run/secrets/ca-bundle ]; then export PIP_CERT=/run/secrets/ca-bundle; fi; \
    python3 -m venv /opt/modelrun \
    && /opt/modelrun/bin/pip install --no-cache-dir --disable-pip-version-check --no-compile \
        --require-hashes --only-binary :all: --requirement /opt/requirements.txt \
    && find /opt/modelrun -type d \( -name tests -o -name test \) -path '*/site-packages/*' \
        -not -path '*/numpy/*' -not -path '*/distributed/*' -prune -exec rm -rf {} + \
    && /opt/modelrun/bin/python -m compileall -q -j 0 /opt/modelrun/lib

# ---- the image ------------------------------------------------------------------------------
FROM dependencies
ENV PATH=/opt/modelrun/bin:$PATH \
    HOME=/home/modelrun \
    USER=modelrun \
    LOGNAME=modelrun \
    MPLCONFIGDIR=/home/modelrun/.config/matplotlib \
    MPLBACKEND=Agg \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    MKL_NUM_THREADS=1 \
    BLIS_NUM_THREADS=1 \
    VECLIB_MAXIMUM_THREADS=1 \
    NUMEXPR_NUM_THREADS=1 \
    NUMBA_NUM_THREADS=1 \
    DASK_DISTRIBUTED__COMM__SOCKET_BACKLOG=4096 \
    DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT=1m \
    DASK_DISTRIBUTED__SCHEDULER__PRELOAD='["modelrun.backends.openssl_errors"]' \
    DASK_DISTRIBUTED__NANNY__PRELOAD='["modelrun.backends.openssl_errors"]' \
    DASK_DISTRIBUTED__WORKER__PRELOAD='["modelrun.backends.openssl_errors"]' \
    DASK_DISTRIBUTED__CLIENT__PRELOAD='["modelrun.backends.openssl_errors"]'
# The preloads keep a TLS connection that breaks from closing others; the module says how.
# Any user may write to the home folder: a pod may run under an id of the cluster's choice.
RUN groupadd --gid 10001 modelrun \
    && useradd --uid 10001 --gid 10001 --home-dir /home/modelrun --no-create-home modelrun \
    && install -d -m 1777 /home/modelrun /home/modelrun/.config /home/modelrun/.config/matplotlib \
        /scratch /code
# Copied, not mounted: not every builder notices that what it would mount has changed.
COPY --from=wheel /wheels /opt/wheels
RUN /opt/modelrun/bin/pip install --no-cache-dir --disable-pip-version-check --no-index \
        --no-deps /opt/wheels/*.whl
WORKDIR /home/modelrun
USER 10001:10001
LABEL org.opencontainers.image.title="modelrun" \
      org.opencontainers.image.description="Thousands of statsmodels models from one YAML file: client, workers and operator" \
      org.opencontainers.image.source="https://github.com/modelrun/modelrun" \
      org.opencontainers.image.licenses="Apache-2.0"
CMD ["modelrun", "--help"]
