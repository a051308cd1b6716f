# One image for web, worker, beat and migrate; docker-compose.yml says which command each of them runs.
FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/venv
COPY requirements/production.txt requirements/
RUN /opt/venv/bin/pip install --require-hashes -r requirements/production.txt

FROM python:3.12-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/cmast cmast
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 CMAST_VAR_DIR=/var/lib/cmast
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/cmast
COPY manage.py ./
COPY docs/openapi.yml docs/
COPY cmast cmast
COPY programmes programmes
COPY metrics metrics
COPY risks risks
# Otherwise each start of each process would compile them anew: nobody may write here later.
RUN python -m compileall -q cmast programmes metrics risks
USER cmast
# The embedded mode makes a secret key of its own; it is gone before the layer is written.
RUN CMAST_EMBEDDED=true CMAST_DATABASE_URL=sqlite://:memory: python manage.py collectstatic --noinput \
    && rm -r /var/lib/cmast/secret_key /var/lib/cmast/broker
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health/live/', timeout=4)"]
CMD ["gunicorn", "cmast.wsgi", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--no-control-socket", "--worker-tmp-dir=/dev/shm"]
