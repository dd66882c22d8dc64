"""How Ads Manager names its columns and values in English and Spanish; only tables and how to compare with them.

Spanish headers marked ✓ stand in public code or notes that read real exports, written by people in Spain, Argentina,
Colombia, Chile and Peru (searched 2026-11); those after ASSUMED were found nowhere and follow the interface's words.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """One field's headers, the one that an export writes first; a currency in brackets at the end is no part."""

    english: tuple[str, ...]
    spanish: tuple[str, ...] = ()  # ✓ found in public sources
    assumed: tuple[str, ...] = ()  # Spanish, found in none

    @property
    def names(self) -> tuple[str, ...]:
        """All headers, the preferred first."""
        return (*self.english, *self.spanish, *self.assumed)


HEADINGS: Final[Mapping[str, Heading]] = {
    "day": Heading(english=("Day", "Date"), spanish=("Día", "Fecha")),
    "reporting_starts": Heading(
        english=("Reporting starts", "Reporting start", "Date start"), spanish=("Inicio del informe",)
    ),
    "reporting_ends": Heading(english=("Reporting ends", "Reporting end", "Date stop"), spanish=("Fin del informe",)),
    "account": Heading(english=("Account name",), spanish=("Nombre de la cuenta",)),
    "account_id": Heading(
        english=("Account ID",), spanish=("Identificador de la cuenta", "ID de la cuenta")
    ),
    "currency": Heading(english=("Currency", "Account currency"), spanish=("Divisa",), assumed=("Moneda",)),
    "campaign": Heading(english=("Campaign name", "Campaign"), spanish=("Nombre de la campaña", "Campaña")),
    "ad_set": Heading(
        english=("Ad set name", "Ad set"), spanish=("Nombre del conjunto de anuncios", "Conjunto de anuncios")
    ),
    "ad": Heading(english=("Ad name", "Ad"), spanish=("Nombre del anuncio", "Anuncio")),
    "campaign_id": Heading(
        english=("Campaign ID",), spanish=("Identificador de la campaña", "ID de la campaña")
    ),
    "ad_set_id": Heading(
        english=("Ad set ID",),
        spanish=("Identificador del conjunto de anuncios", "ID del conjunto de anuncios", "Identificador del conjunto"),
    ),
    "ad_id": Heading(english=("Ad ID",), spanish=("Identificador del anuncio", "ID del anuncio")),
    "campaign_delivery": Heading(
        english=("Campaign delivery", "Campaign status"), spanish=("Entrega de la campaña",),
        assumed=("Estado de la campaña",),
    ),
    "ad_set_delivery": Heading(
        english=("Ad set delivery", "Ad set status"), spanish=("Entrega del conjunto de anuncios",),
        assumed=("Estado del conjunto de anuncios",),
    ),
    "ad_delivery": Heading(
        english=("Ad delivery", "Ad status"), spanish=("Entrega del anuncio",), assumed=("Estado del anuncio",)
    ),
    "campaign_budget": Heading(
        english=("Campaign budget", "Campaign daily budget"), assumed=("Presupuesto de la campaña",)
    ),
    "campaign_budget_type": Heading(
        english=("Campaign budget type",), assumed=("Tipo de presupuesto de la campaña",)
    ),
    "ad_set_budget": Heading(
        english=("Ad set budget", "Ad set daily budget"), spanish=("Presupuesto del conjunto de anuncios",)
    ),
    "ad_set_budget_type": Heading(
        english=("Ad set budget type",),
        spanish=("Tipo de presupuesto del conjunto de anuncios", "Tipo de presupuesto"),
    ),
    "impressions": Heading(english=("Impressions",), spanish=("Impresiones",)),
    "reach": Heading(english=("Reach",), spanish=("Alcance",)),
    "frequency": Heading(english=("Frequency",), spanish=("Frecuencia",)),
    "link_clicks": Heading(english=("Link clicks", "Inline link clicks"), spanish=("Clics en el enlace",)),
    "clicks": Heading(english=("Clicks (all)", "Clicks"), spanish=("Clics (todos)", "Clics")),
    "link_ctr": Heading(
        english=("CTR (link click-through rate)", "Link CTR"),
        spanish=("CTR (porcentaje de clics en el enlace)", "CTR (tasa de clics en el enlace)"),
    ),
    "ctr": Heading(english=("CTR (all)", "CTR"), spanish=("CTR (todos)",)),
    "spend": Heading(english=("Amount spent", "Spend", "Cost"), spanish=("Importe gastado",), assumed=("Gasto",)),
    "purchases": Heading(
        english=("Purchases", "Website purchases", "Meta purchases"), spanish=("Compras", "Compras en el sitio web")
    ),
    "value": Heading(
        english=(
            "Purchases conversion value", "Purchase conversion value", "Website purchases conversion value",
            "Website purchase conversion value", "Conversion value",
        ),
        spanish=("Valor de conversión de compras", "Valor de conversión"),
        assumed=("Valor de conversión de las compras", "Valor de conversión de compras en el sitio web"),
    ),
    "roas": Heading(
        english=(
            "Purchase ROAS (return on ad spend)", "Purchase ROAS", "Website purchase ROAS (return on ad spend)",
            "Website purchase ROAS (return on advertising spend)", "Website purchase ROAS",
        ),
        spanish=("ROAS (retorno del gasto publicitario) de compras", "ROAS de las compras"),
        assumed=(
            "ROAS de compras (retorno de la inversión en publicidad)", "ROAS de compras",
            "ROAS de compras (retorno del gasto publicitario)", "ROAS de compras en el sitio web",
        ),
    ),
    "results": Heading(english=("Results",), spanish=("Resultados",)),
    "result_indicator": Heading(
        english=("Result indicator", "Result type"), spanish=("Indicador de resultado",), assumed=("Tipo de resultado",)
    ),
    "starts": Heading(english=("Starts", "Start date"), spanish=("Inicio",), assumed=("Fecha de inicio",)),
    "ends": Heading(english=("Ends", "End date"), spanish=("Finalización",), assumed=("Fecha de finalización", "Fin")),
}  # fmt: skip
# Each row of such a report is a part of what an ad did in its days: parts are added up. A breakdown that is not listed
# is found by its rows: two of one ad and day.
BREAKDOWNS: Final[Mapping[str, Heading]] = {
    "age": Heading(english=("Age",), spanish=("Edad",)),
    "gender": Heading(english=("Gender",), spanish=("Sexo",), assumed=("Género",)),
    "country": Heading(english=("Country",), assumed=("País",)),
    "region": Heading(english=("Region", "DMA region"), assumed=("Región",)),
    "platform": Heading(english=("Platform", "Publisher platform"), assumed=("Plataforma",)),
    "placement": Heading(english=("Placement", "Platform position"), assumed=("Ubicación",)),
    "device": Heading(
        english=("Impression device", "Device", "Platform & device"),
        assumed=("Dispositivo de impresión", "Dispositivo", "Plataforma y dispositivo"),
    ),
    "device_platform": Heading(english=("Device platform",), assumed=("Plataforma del dispositivo",)),
    "conversion_device": Heading(english=("Conversion device",), assumed=("Dispositivo de conversión",)),
    "hour": Heading(
        english=("Time of day (ad account time zone)", "Time of day (viewer's time zone)", "Hour of day"),
        assumed=(
            "Hora del día (zona horaria de la cuenta publicitaria)", "Hora del día (zona horaria del espectador)",
            "Hora del día",
        ),
    ),
    "asset": Heading(
        english=("Image, video and slideshow",), spanish=("Imagen, video y presentación",),
        assumed=("Imagen, vídeo y presentación",),
    ),
}  # fmt: skip
# One impression shows several products, so that these rows overlap: there is nothing that could be added up.
OVERLAPPING: Final = ("Product ID", "Identificador del producto")
# Purchases outside the platform are not told by these (meta_graph_api.md §3.3): the parts may be fewer than the total.
LOSSY: Final = frozenset({"region", "hour"})

EVERYTHING: Final = frozenset({"all", "todo", "todos", "todas"})  # a cell that stands for all values (assumed)
TOTALS: Final = re.compile(
    r"results from \d.*|resultados de \d.*|(grand )?totals?|totales|total general", re.IGNORECASE
)  # Spanish assumed
BUDGET_ELSEWHERE: Final = re.compile(
    r"using (the )?(campaign|ad ?set) budget|.*presupuesto (de la campaña|de campaña|del conjunto( de anuncios)?)",
    re.IGNORECASE,
)  # Spanish assumed
LIFETIME: Final = frozenset({"lifetime", "total", "presupuesto total", "de por vida", "del ciclo de vida"})
ENDLESS: Final = frozenset({"ongoing", "continuo", "en curso", "sin fecha de finalizacion", "indefinido"})
# Delivery as told in Spanish -> as in English; exports in Spanish often keep the English words.
DELIVERY_WORDS: Final[Mapping[str, str]] = {
    "activo": "active", "activa": "active", "en circulacion": "active", "aprendizaje": "learning",
    "en aprendizaje": "learning", "aprendizaje limitado": "learning limited", "en revision": "in review",
    "en proceso": "in process", "procesando": "processing", "programado": "scheduled", "programada": "scheduled",
    "inactivo": "inactive", "inactiva": "inactive", "sin entrega": "not delivering", "no se entrega": "not delivering",
    "sin circulacion": "not delivering", "desactivado": "off", "desactivada": "off", "pausado": "paused",
    "pausada": "paused", "en pausa": "paused", "archivado": "archived", "archivada": "archived",
    "eliminado": "deleted", "eliminada": "deleted", "completado": "completed", "completada": "completed",
    "finalizado": "completed", "finalizada": "completed", "rechazado": "rejected", "rechazada": "rejected",
    "con errores": "error", "error": "error", "sin anuncios": "no ads", "anuncios desactivados": "ads off",
    "campana desactivada": "campaign off", "campana inactiva": "campaign inactive",
    "conjunto de anuncios desactivado": "ad set off", "conjunto de anuncios inactivo": "ad set inactive",
}  # fmt: skip
CURRENCY: Final = re.compile(r"\s*\(([A-Z]{3})\)\s*$")


def plain_words(text: str) -> str:
    """Return a value's words without case, accents, dashes and underscores, for comparing."""
    return " ".join(_unaccented(text).casefold().replace("_", " ").replace("-", " ").split())


def plain_header(header: str) -> str:
    """Return a header without case, accents, spaces and currency, for comparing."""
    return re.sub(r"[\s_\ufeff]+", "", _unaccented(CURRENCY.sub("", header))).casefold()


def _unaccented(text: str) -> str:
    if text.isascii():
        return text
    return "".join(mark for mark in unicodedata.normalize("NFKD", text) if not unicodedata.combining(mark))
