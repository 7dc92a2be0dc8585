"""A header and a good row of every format, and how the tests read them."""

import csv
import io
from pathlib import Path
from typing import Any

from services.replay.reader import BadRow, Row, open_recording
from services.replay.readers import readers

GLOBO = (
    "user_id,session_id,session_size,click_article_id,click_timestamp,click_environment,click_deviceGroup,"
    "click_os,click_country,click_region,click_referrer_type,category_id"
)
REES46 = "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
RETAILROCKET = "visitor_id,session_id,ts,event,category_id,ts_kind"
YOOCHOOSE = "session_id,item_id,time,split"
ONLINE_RETAIL = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country"
CDNOW = "customer_id,date,number_of_cds,dollar_value"
IPINYOU = (
    "bid_id,timestamp,log_type,ipinyou_id,user_agent,ip,region_id,city_id,ad_exchange,domain,url,creative_id,"
    "bidding_price,paying_price,advertiser_id,user_tags"
)
WEBTRACK = "panelist_id,wave,timestamp,url,device"
HEADERS = {
    "globo_news": GLOBO,
    "rees46": REES46,
    "retailrocket": RETAILROCKET,
    "yoochoose": YOOCHOOSE,
    "online_retail": ONLINE_RETAIL,
    "cdnow": CDNOW,
    "ipinyou": IPINYOU,
    "webtrack": WEBTRACK,
    "zozo": "policy,campaign,timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,affinity",
}

GOOD = {
    "globo_news": "154,150,2,96663,1506826804207,4,3,2,1,25,7,209.0",
    "rees46": "2019-10-01 00:00:01 UTC,view,17,20,furniture.living_room.sofa,velt,543.10,519,51-66",
    "retailrocket": "693516,693516_1,2015-05-03T03:00:29Z,addtocart,1130,exact_1s",
    "yoochoose": "1,214536502,1396860669.277,test",
    "online_retail": "536370,22728,ALARM CLOCK,24,2010-12-01T08:45:00.000000,3.75,12583,France",
    "cdnow": "2,1997-01-12,5,77.0",
    "ipinyou": (
        '8a15,20130606000104192,1,VhTV,"Mozilla/5.0 (Windows NT 5.1) AppleWebKit (KHTML, like Gecko)",114.100.37.*,'
        '106,117,2,lsxS,8c97,23d6,227,207,3427,"10063,10110"'
    ),
    "webtrack": "WOPG,1,2019-02-27T14:46:14.463,https://mail.example.com/ppfo,mobile",
    "zozo": 'bts,men,2019-11-24 00:01:03.979311+00:00,13,2,0,0.045525,cef3,2d03,"{""14"": 1.0}"',
    "tranche": '{"event_id": "e1", "user_id": "u", "type": "page_view", "ts": 5}',
}
IPINYOU_ROW = next(csv.DictReader([IPINYOU, GOOD["ipinyou"]]))


def read(format_name: str, text: str) -> list[Row | BadRow]:
    return list(readers()[format_name](io.StringIO(text)))


def read_rows(format_name: str, *lines: str) -> list[Row | BadRow]:
    header = [HEADERS[format_name]] if format_name in HEADERS else []
    return read(format_name, "\n".join([*header, *lines]) + "\n")


def read_file(format_name: str, path: Path) -> list[Row | BadRow]:
    with open_recording(path) as recording:
        return list(recording.rows(readers()[format_name]))


def without_id(row: Row | BadRow) -> Any:
    assert isinstance(row, dict)
    return {name: value for name, value in row.items() if name != "event_id"}


def csv_text(row: dict[str, str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([row.keys(), row.values()])
    return text.getvalue()


def event_ids(rows: list[Row | BadRow]) -> list[str]:
    return [row["event_id"] for row in rows if isinstance(row, dict)]
