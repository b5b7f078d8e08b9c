/** What programs and offices write: JSON, tables, settings, logs, a calendar. */
export const records = `{
  "order": "W-20933",
  "placed": "2032-10-18T09:41:07+02:00",
  "customer": { "id": 5518, "name": "Kestrel Bicycle Repair", "vat": "DE811907980", "contact": null },
  "lines": [
    { "sku": "CH-9-116", "text": "chain, 9 speeds, 116 links", "count": 20, "unit_price": 14.9, "tax": 0.19 },
    { "sku": "BP-R55", "text": "brake pads, road, pair", "count": 50, "unit_price": 6.25, "tax": 0.19 },
    { "sku": "TB-700-28", "text": "inner tube 700 x 25-28, 60 mm valve", "count": 100, "unit_price": 3.1, "tax": 0.19 }
  ],
  "shipping": { "method": "parcel", "weight_kg": 21.4, "price": 11.9 },
  "net": 932.4,
  "notes": ["deliver to the back door", "invoice by mail only"],
  "status": "packed"
}

Wind farm Grimsund, monthly report

| Turbine | Hours available | Hours running | Energy (MWh) | Capacity factor | Remarks                     |
| ------- | --------------- | ------------- | ------------ | --------------- | --------------------------- |
| G-01    | 731             | 668           | 1,214        | 0.392           |                             |
| G-02    | 744             | 690           | 1,251        | 0.400           |                             |
| G-03    | 512             | 470           | 846          | 0.393           | gearbox oil changed         |
| G-04    | 744             | 688           | 1,239        | 0.396           |                             |
| G-05    | 698             | 610           | 1,077        | 0.367           | stopped for bats, 46 hours  |
| Total   | 3,429           | 3,126         | 5,627        |                 |                             |

Mean wind speed at hub height was 8.1 m/s, or 0.6 m/s above the long-term mean for the month. G-03 was down from the 9th to the 18th because the crane could not be put up in the wind.

[service]
name = "thumbnailer"
listen = "127.0.0.1:7070"
workers = 4
# Larger images are refused with 413.
max_pixels = 40_000_000
formats = ["jpeg", "png", "webp"]

[cache]
directory = "/var/cache/thumbnailer"
max_size_mb = 2048
ttl_days = 30

[[preset]]
name = "list"
width = 160
height = 160
fit = "cover"

[[preset]]
name = "page"
width = 1200
fit = "inside"
quality = 82

2032-06-03T04:11:52.108Z INFO  scheduler  job=rollup-daily attempt=1 started
2032-06-03T04:11:52.640Z INFO  storage    opened partition 2032-06-02 rows=18244107 bytes=2.9GiB
2032-06-03T04:13:07.915Z WARN  storage    slow read partition=2032-06-02 block=771 ms=4120
2032-06-03T04:13:12.002Z WARN  storage    slow read partition=2032-06-02 block=772 ms=3988
2032-06-03T04:13:41.377Z ERROR storage    read failed partition=2032-06-02 block=773 error="input/output error"
2032-06-03T04:13:41.380Z ERROR scheduler  job=rollup-daily attempt=1 failed after 109.3 s, retrying in 60 s
2032-06-03T04:14:41.391Z INFO  scheduler  job=rollup-daily attempt=2 started
2032-06-03T04:14:41.903Z INFO  storage    opened replica of partition 2032-06-02 on node-7
2032-06-03T04:15:58.216Z INFO  scheduler  job=rollup-daily attempt=2 finished in 76.8 s rows_out=91330

name,species,weight_kg,born,vaccinated
Biscuit,dog,11.2,2027-03-14,yes
Sir Hiss,corn snake,0.41,2029-08-30,
Mabel,cat,4.6,2024-11-02,yes
Pepper,cat,5.3,2024-11-02,no
Doctor Watson,guinea pig,0.98,2031-01-19,yes
"Captain ""Cap"" Nemo",tortoise,2.75,1998-06-01,

BEGIN:VEVENT
UID:8f1c-stocktaking
DTSTART;TZID=Europe/Vienna:20321229T080000
DTEND;TZID=Europe/Vienna:20321229T170000
SUMMARY:Stocktaking (shop closed)
LOCATION:Warehouse 2
DESCRIPTION:Bring warm clothes. Teams are on the notice board.
END:VEVENT

Bill of materials for bench, oak, 1.40 m: 2 sides 430 x 380 x 40 mm; 1 seat 1400 x 380 x 40 mm; 1 stretcher 1240 x 90 x 30 mm; 8 dowels 12 x 60 mm; 2 wedges, walnut; oil, 0.25 l. Waste allowed: 15 %. Price of timber at 2,850 per cubic metre: 0.0377 m3 without waste, 0.0434 m3 with it, hence 123.70.

SELECT station, date_trunc('week', measured_at) AS week, avg(level_cm) AS mean_level, max(level_cm) AS highest
FROM river_levels
WHERE measured_at >= now() - interval '90 days' AND quality <> 'suspect'
GROUP BY station, week
HAVING count(*) >= 100
ORDER BY station, week DESC;
`;
