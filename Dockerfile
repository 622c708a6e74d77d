FROM python:3.12-slim
ENV PYTHONDONTWRITEBYTECODE=1 OPSDESK_HOME=/data
WORKDIR /app
COPY . .
RUN pip install --no-cache-dir uv \
    && uv venv /venv \
    && VIRTUAL_ENV=/venv uv pip install --no-cache ".[postgres,login,pii]" \
    && useradd --create-home opsdesk && mkdir /data && chown opsdesk /data
ENV PATH=/venv/bin:$PATH
USER opsdesk
VOLUME /data
EXPOSE 8501
CMD ["opsdesk", "worker"]
